"""A stand-in for a provider's fine-tuning API on loopback: files, jobs, and chats with the models that jobs made."""

from __future__ import annotations

import json
import threading
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FinetuningServer:
    """A job is queued, then runs until `finish()`; it has learned by heart. `fails` is a status with a message that jobs end with."""

    def __init__(self):
        self.files, self.jobs, self.asked = {}, {}, []
        self.fails, self.refuses = None, None
        self.keys = set()
        self._done = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.handled("GET")

            def do_POST(self):
                self.handled("POST")

            def handled(self, verb):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.keys.add(self.headers.get("authorization"))
                path = self.path.partition("?")[0].removeprefix("/v1/")
                status, reply = outer.answer(verb, path, body, self.headers.get("content-type") or "")
                outer.asked.append(f"{verb} {path}")
                data = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def finish(self):
        self._done.set()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def count(self, request):
        """How often something was asked, such as "POST files"."""
        return self.asked.count(request)

    def answer(self, verb, path, body, kind):
        if self.refuses is not None:
            status, message = self.refuses
            return status, {"error": {"message": message, "type": "error", "code": None}}
        if path == "files":
            name = f"file-{len(self.files) + 1}"
            parts = BytesParser().parsebytes(f"content-type: {kind}\n\n".encode() + body).get_payload()
            content = next(part for part in parts if part.get_filename()).get_payload(decode=True)
            self.files[name] = [json.loads(line)["messages"] for line in content.splitlines()]
            size = {"bytes": len(content), "created_at": 1, "filename": "train.jsonl", "purpose": "fine-tune"}
            return 200, {"id": name, "object": "file", "status": "processed", **size}
        if path == "fine_tuning/jobs":
            name, asked = f"ftjob-{len(self.jobs) + 1}", json.loads(body)
            self.jobs[name] = {**asked, "status": "queued"}
            return 200, self.job(name)
        if path.startswith("fine_tuning/jobs/"):
            name = path.split("/")[2]
            job = self.jobs[name]
            if path.endswith("/cancel"):
                job["status"] = "cancelled"
            elif job["status"] in ("queued", "running"):
                job["status"] = (self.fails or ["succeeded"])[0] if self._done.is_set() else "running"
            return 200, self.job(name)
        return 200, self.chat(json.loads(body))

    def job(self, name):
        job = self.jobs[name]
        made = f"ft:{job['model']}:{name}" if job["status"] == "succeeded" else None
        error = {"code": "x", "message": self.fails[1], "param": None} if job["status"] == "failed" else None
        return {
            "id": name,
            "object": "fine_tuning.job",
            "created_at": 1,
            "finished_at": None,
            "model": job["model"],
            "fine_tuned_model": made,
            "organization_id": "o",
            "status": job["status"],
            "hyperparameters": job.get("hyperparameters") or {},
            "training_file": job["training_file"],
            "validation_file": None,
            "result_files": [],
            "trained_tokens": 1234 if made else None,
            "error": error,
            "seed": 1,
        }

    def chat(self, asked):
        *_, job = asked["model"].split(":")
        learned = self.files[self.jobs[job]["training_file"]] if job in self.jobs else []
        text = next((turns[-1]["content"] for turns in learned if turns[:-1] == asked["messages"]), "no idea")
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
        return {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
            "choices": [choice],
            "usage": usage,
        }
