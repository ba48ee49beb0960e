"""Writes a two-layer Llama with seeded random weights and a byte-level tokenizer. usage: make_tiny_model.py DIR

Random, not dummy, weights: dummy ones give flat logits, and then equal greedy text would prove nothing about KV.
"""

import json
import os
import sys

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

SPECIAL = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|pad|>"]
IDS = {name: 256 + index for index, name in enumerate(SPECIAL)}
BOS, EOS, PAD = IDS["<|begin|>"], IDS["<|end|>"], IDS["<|pad|>"]
HIDDEN, INNER, LAYERS, HEADS, KV_HEADS, HEAD_DIM = 128, 256, 2, 4, 2, 32
VOCABULARY = 256 + len(SPECIAL)
CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def byte_alphabet():
    """The printable character that byte-level BPE uses for each byte, in byte order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    characters = {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [characters[byte] for byte in range(256)]


def write_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(byte_alphabet())}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIAL])
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    special = {"bos_token": "<|begin|>", "eos_token": "<|end|>", "pad_token": "<|pad|>"}
    write_json(folder, "special_tokens_map.json", special)
    write_json(
        folder,
        "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "model_max_length": 2048,
            "chat_template": CHAT_TEMPLATE,
            **special,
        },
    )


def write_config(folder):
    ids = {"bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD}
    write_json(folder, "generation_config.json", ids)
    write_json(
        folder,
        "config.json",
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "hidden_size": HIDDEN,
            "intermediate_size": INNER,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KV_HEADS,
            "head_dim": HEAD_DIM,
            "vocab_size": VOCABULARY,
            "max_position_embeddings": 2048,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
            "initializer_range": 0.02,
            **ids,
        },
    )


def write_weights(folder):
    source = torch.Generator().manual_seed(20261121)

    def noise(rows, columns, scale):
        return torch.randn(rows, columns, generator=source) * scale

    weights = {
        "model.embed_tokens.weight": noise(VOCABULARY, HIDDEN, 1.0),
        "lm_head.weight": noise(VOCABULARY, HIDDEN, 0.25),
        "model.norm.weight": torch.ones(HIDDEN),
    }
    for layer in range(LAYERS):
        attention, mlp = f"model.layers.{layer}.self_attn", f"model.layers.{layer}.mlp"
        weights |= {
            f"{attention}.q_proj.weight": noise(HEADS * HEAD_DIM, HIDDEN, 0.2),
            f"{attention}.k_proj.weight": noise(KV_HEADS * HEAD_DIM, HIDDEN, 0.2),
            f"{attention}.v_proj.weight": noise(KV_HEADS * HEAD_DIM, HIDDEN, 0.2),
            f"{attention}.o_proj.weight": noise(HIDDEN, HEADS * HEAD_DIM, 0.2),
            f"{mlp}.gate_proj.weight": noise(INNER, HIDDEN, 0.1),
            f"{mlp}.up_proj.weight": noise(INNER, HIDDEN, 0.1),
            f"{mlp}.down_proj.weight": noise(HIDDEN, INNER, 0.1),
            f"model.layers.{layer}.input_layernorm.weight": torch.ones(HIDDEN),
            f"model.layers.{layer}.post_attention_layernorm.weight": torch.ones(HIDDEN),
        }
    save_file(weights, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    write_tokenizer(folder)
    write_config(folder)
    write_weights(folder)


main(sys.argv[1])
