"""A model as a GGUF file with its tokenizer and chat template inside, and back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmnb.errors import ModelNotFound
from lmnb.optional import need
from lmnb.train import tokenizer as tokenizers
from lmnb.train.model import Model, Shape, torch
from lmnb.train.render import PAD, STOP, TEMPLATE

LONGEST = 1 << 16  # tokens of context in a file that is read
SMALL = 3_000_000  # parameters; below, 8 bits move log-probabilities by 0.8, and half precision by 0.04
_BLOCK = {
    "attn_norm.weight": "norm1.weight",
    "ffn_norm.weight": "norm2.weight",
    "attn_output.weight": "out.weight",
    "ffn_down.weight": "down.weight",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a GGUF file of ours holds."""

    model: Model
    tokenizer: Any
    name: str


def save(model: Model, tokenizer: Any, path: str | Path, name: str = "lmnb-tiny") -> Path:
    """Write the file, whole or not at all: half precision below `SMALL` parameters, else 8 bits."""
    gguf = need("gguf", "train", "writing a GGUF file")
    shape, path = model.shape, Path(path)
    eight = model.size >= SMALL
    part = path.with_name(f"{path.name}.part")
    writer = gguf.GGUFWriter(str(part), "qwen2")
    writer.add_name(name)
    writer.add_license("MIT")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_rope_freq_base(shape.rope)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if eight else gguf.LlamaFileType.MOSTLY_F16)
    tokens, merges, kinds = tokenizers.described(tokenizer)
    while len(tokens) < shape.vocab:
        tokens.append(f"<|unused{len(tokens)}|>")
        kinds.append(int(gguf.TokenType.UNUSED))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokens.index(STOP))
    writer.add_eot_token_id(tokens.index(STOP))
    writer.add_pad_token_id(tokens.index(PAD))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for key, tensor in tensors(model).items():
        values = tensor.detach().float().cpu().numpy()
        if values.ndim == 2 and eight:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(key, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(key, values.astype("float16") if values.ndim == 2 else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(path)
    return path


def tensors(model: Model) -> dict[str, Any]:
    """The weights by their names in llama.cpp."""
    state = model.state_dict()
    found = {"token_embd.weight": state["embed.weight"], "output_norm.weight": state["norm.weight"]}
    for at in range(model.shape.layers):
        ours, theirs = f"blocks.{at}.", f"blk.{at}."
        found |= {theirs + key: state[ours + name] for key, name in _BLOCK.items()}
        for kind in ("weight", "bias"):
            parts = state[f"{ours}qkv.{kind}"].chunk(3)
            found |= {f"{theirs}attn_{letter}.{kind}": part for letter, part in zip("qkv", parts, strict=True)}
        gate, up = state[f"{ours}up.weight"].chunk(2)
        found |= {f"{theirs}ffn_gate.weight": gate, f"{theirs}ffn_up.weight": up}
    return found


def load(path: str | Path) -> Loaded:
    """Model and tokenizer of a file that `save` wrote. ModelNotFound where there is none, or it is damaged or another's."""
    gguf = need("gguf", "train", "reading a GGUF file")
    try:
        return _read(gguf, gguf.GGUFReader(str(path)))
    except (OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError, ZeroDivisionError) as error:
        raise ModelNotFound(
            f"{str(path)!r} is not a model that lmnb trained ({type(error).__name__}: {error}). "
            "Give 'lmnb/tiny', or a file that fit or train-tiny wrote.",
            model=str(path),
        ) from error


def _read(gguf: Any, reader: Any) -> Loaded:

    def value(key: str) -> Any:
        return reader.fields[key].contents()

    if value("general.architecture") != "qwen2" or STOP not in value("tokenizer.ggml.tokens"):
        raise ValueError("another architecture or another tokenizer")
    tokens = value("tokenizer.ggml.tokens")
    shape = Shape(
        vocab=len(tokens),
        width=value("qwen2.embedding_length"),
        layers=value("qwen2.block_count"),
        heads=value("qwen2.attention.head_count"),
        inner=value("qwen2.feed_forward_length"),
        rope=value("qwen2.rope.freq_base"),
        epsilon=value("qwen2.attention.layer_norm_rms_epsilon"),
        context=value("qwen2.context_length"),
    )
    held = {
        each.name: torch.from_numpy(
            gguf.quants.dequantize(each.data, each.tensor_type).reshape(each.shape[::-1]).copy()
        )
        for each in reader.tensors
    }
    state = {"embed.weight": held["token_embd.weight"], "norm.weight": held["output_norm.weight"]}
    for at in range(shape.layers):
        ours, theirs = f"blocks.{at}.", f"blk.{at}."
        state |= {ours + name: held[theirs + key] for key, name in _BLOCK.items()}
        for kind in ("weight", "bias"):
            state[f"{ours}qkv.{kind}"] = torch.cat([held[f"{theirs}attn_{letter}.{kind}"] for letter in "qkv"])
        state[f"{ours}up.weight"] = torch.cat([held[f"{theirs}ffn_gate.weight"], held[f"{theirs}ffn_up.weight"]])
    if list(held["token_embd.weight"].shape) != [shape.vocab, shape.width] or shape.context > LONGEST:
        raise ValueError("its sizes do not fit its weights")
    model = Model(shape)
    model.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    kinds = value("tokenizer.ggml.token_type")
    name = value("general.name")
    return Loaded(model, tokenizers.rebuild(tokens, value("tokenizer.ggml.merges"), kinds), name)
