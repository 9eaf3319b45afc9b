"""Kills runs at random moments and resumes them: `python tests/killing.py --optimizer BootstrapFewShot --kills 50` prints a report as JSON.

A real HTTP server on loopback speaks the OpenAI protocol and counts every request. The run has no LM cache, 8 rollouts at once,
a two-call program and a metric that asks a judge; a scripted person edits an instruction and rejects a demo on the way. Workers
are forked from one warm process, so a kill costs milliseconds.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import worlds

import lmnb
from lmnb.optimize.journal import parsed, read_records

AFTER = 0.03  # seconds between a kill and the next worker
PROCESSES = multiprocessing.get_context("fork")


def serve(log_path, port):
    """Answer chat completions as the world does; write a line when a request comes and one when its answer is sent."""
    log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            name = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()[:16]
            os.write(log, json.dumps(["asked", name, time.time()]).encode() + b"\n")
            time.sleep(0.004)
            values = worlds.reply(body["messages"])
            text = "\n\n".join(f"[[ ## {field} ## ]]\n{value}" for field, value in values.items())
            choice = {"index": 0, "finish_reason": name, "message": {"role": "assistant", "content": text}}
            usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
            reply = {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": name,
                "choices": [choice],
                "usage": usage,
            }
            content = json.dumps(reply).encode()
            try:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                self.wfile.flush()
                os.write(log, json.dumps(["answered", name, time.time()]).encode() + b"\n")
            except (BrokenPipeError, ConnectionResetError):
                pass

        def log_message(self, *args):
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

        def handle_error(self, *args):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    port.send(server.server_address[1])
    server.serve_forever()


class PlainLM(lmnb.BaseLM):
    """The thinnest client: a reply is with the run the moment it arrives, so the server's count is sharp."""

    trainer = lmnb.RecallTrainer()

    def forward(self, prompt=None, messages=None, port=0, **options):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        body = json.dumps({"model": "world", "messages": messages})
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        return json.loads(connection.getresponse().read())


def work(folder, name, port, threads):
    """Start or resume the run and steer it to its end."""
    lmnb.configure(lm=PlainLM("world", port=port, cache=False))
    if (folder / "journal.jsonl").exists():
        run = lmnb.reopen(folder, program=worlds.TwoCalls(), metric=worlds.judged)
    else:
        run = worlds.optimizers(worlds.judged)[name].start(
            worlds.TwoCalls(),
            trainset=worlds.questions(0, 12),
            valset=worlds.questions(100, 110),
            num_threads=threads,
            run_dir=folder,
            paused=True,
        )
    while run.state not in ("finished", "failed", "stopped"):
        scored = sum(candidate.done == candidate.total for candidate in run.candidates)
        kinds = [decision.kind for decision in run.decisions]
        if scored >= 1 and "edit" not in kinds:
            run.edit(0, "rewrite.instructions", "Write a short query.")
        if scored >= 2 and "reject-demo" not in kinds:
            run.reject_demo(worlds.questions(0, 12)[3], "scripted")
        run.step()
        run.until("paused", 60)
    run.wait(60)


def outcome(folder):
    """What must not depend on kills: all but the order of candidates and so their numbers.

    The scripted person may look at a reopened run just before the next candidate is there, and so decide one number earlier.
    """
    run = lmnb.reopen(folder)
    candidates = sorted(run.candidates, key=lambda candidate: candidate.id)
    rows = [[c.id, c.label, c.status, c.score, c.reason, list(c.parents)] for c in candidates]
    scores = [run.examples(c, limit=1000)["rows"] for c in candidates]
    scores = [[[row["index"], row["score"], row["outputs"], row["error"]] for row in page] for page in scores]
    return json.dumps(
        [
            rows,
            scores,
            [[d.kind, re.sub(r"#\d+", "#", d.text), d.data] for d in run.decisions],
            run.best and run.best.id,
            run.state,
        ]
    )


def kill_and_resume(name, *, kills, seed=0, threads=8):
    """A report: whether every outcome equals the uninterrupted one, and how the requests compare."""
    base = Path(tempfile.mkdtemp(prefix="lmnb-kill-"))
    receive, send = PROCESSES.Pipe(duplex=False)
    log = base / "requests.jsonl"
    server = PROCESSES.Process(target=serve, args=(log, send), daemon=True)
    server.start()
    port = receive.recv()
    began = time.time()
    run_worker(base / "reference", name, port, threads, None)
    length = time.time() - began
    reference, needed = outcome(base / "reference"), requests(log, 0)
    rng, done, rounds, wrong, report = random.Random(seed), 0, 0, 0, Counter()
    while done < kills:
        folder, start, deaths = base / f"round-{rounds}", log.stat().st_size, []
        rounds += 1
        while True:
            limit = rng.uniform(0.0, length * 0.6) if done < kills else None
            killed = run_worker(folder, name, port, threads, limit)
            if killed is None:
                break
            deaths.append(killed)
            done += 1
        wrong += outcome(folder) != reference
        replayed = lmnb.reopen(folder, program=worlds.TwoCalls(), metric=worlds.judged).replay()
        wrong += (
            replayed.slots() != lmnb.reopen(folder, program=worlds.TwoCalls(), metric=worlds.judged).result().slots()
        )
        report.update(compare(needed, requests(log, start), journaled(folder), deaths))
    server.kill()
    shutil.rmtree(base)
    report = {
        "optimizer": name,
        "kills": done,
        "rounds": rounds,
        "wrong outcomes": wrong,
        "seconds a run": round(length, 2),
        **report,
    }
    return {**report, "requests of one run": sum(len(times) for times in needed.values())}


def run_worker(folder, name, port, threads, limit):
    """Run a worker; kill it after `limit` seconds. Gives the time of the kill, or None where it ended by itself."""
    worker = PROCESSES.Process(target=work, args=(folder, name, port, threads))
    worker.start()
    worker.join(limit)
    if worker.exitcode is None and limit is not None:
        os.kill(worker.pid, signal.SIGKILL)
        moment = time.time()
        worker.join()
        time.sleep(AFTER)  # what the server was still answering is written down
        if worker.exitcode == -signal.SIGKILL:
            return moment
    if worker.exitcode != 0:
        raise RuntimeError(f"the worker ended with exit code {worker.exitcode}")
    return None


def requests(log, start):
    """Requests by content since a position of the log: [(asked, answered or None), ...]."""
    found = {}
    with log.open("rb") as lines:
        lines.seek(start)
        for line in lines:
            what, name, moment = json.loads(line)
            times = found.setdefault(name, [])
            if what == "asked":
                times.append([moment, None])
            else:
                next(entry for entry in times if entry[1] is None)[1] = moment
    return found


def journaled(folder):
    """How many replies to each request the run's journal holds."""
    records, _ = read_records(folder)
    return Counter(parsed(record["res"])["finish"] for record in records if record["k"] == "call")


def compare(needed, asked, bought, deaths):
    """Requests beyond those of the uninterrupted run. What the journal held at a kill must never be asked again, so it holds no reply twice."""
    report = Counter()
    for name, times in asked.items():
        extra = max(0, len(times) - len(needed.get(name, ())))
        # one that was on its way to the server at the kill is noted up to AFTER seconds later, before the next worker begins
        in_flight = sum(
            any(a <= death + AFTER and (b is None or b > death - 0.05) for death in deaths) for a, b in times
        )
        report["requests"] += len(times)
        report["asked again"] += extra
        report["asked again though answered 50 ms before a kill"] += max(0, extra - in_flight)
        report["replies bought twice"] += max(0, bought[name] - len(needed.get(name, ())))
    report["replies not journaled"] = sum(max(0, len(times) - bought[name]) for name, times in needed.items())
    report["not asked"] = sum(max(0, len(times) - len(asked.get(name, ()))) for name, times in needed.items())
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--optimizer", default="BootstrapFewShotWithRandomSearch", choices=list(worlds.optimizers(worlds.exact))
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    threading.excepthook = lambda args: None
    print(json.dumps(kill_and_resume(given.optimizer, kills=given.kills, seed=given.seed), indent=1))
