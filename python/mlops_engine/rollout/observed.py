"""What a rollout has seen so far, kept with it: evidence outlives the server that counted it.

A server's counts start anew when it does, and slide with its windows. So they are taken as
differences from look to look; what went down is looked at anew and adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops_engine.rollout.plan import Plan
from mlops_engine.rollout.statistics import LabelRace, difference_bounds, log_mean_e, split_log_e

__all__ = ["Observed"]

_Counts = dict[str, float]


class Observed:
    """Evidence of one rollout; `to_json` is what the store keeps of it."""

    def __init__(self, plan: Plan, kept: Mapping[str, Any]) -> None:
        self._plan = plan
        self._step = kept.get("step", -1)
        self._last: dict[str, _Counts] = {k: dict(v) for k, v in kept.get("last", {}).items()}
        self._logs: dict[str, _Counts] = {k: dict(v) for k, v in kept.get("logs", {}).items()}
        self._split_before: float = kept.get("split_before", 0.0)
        self._of_step: _Counts = dict(kept.get("of_step", {}))
        margin = plan.gates.labels_margin
        self.labels: LabelRace | None = None
        if margin is not None:
            self.labels = LabelRace(**kept.get("labels", {"margin": margin}))

    def see(
        self, step: int, guard: Mapping[str, Any], quality: Mapping[int, Mapping[str, Any]]
    ) -> None:
        """Take in one look: the guard's numbers and both versions' quality, if there are any."""
        if step != self._step:
            self._split_before += self._split_of_step()
            self._step, self._of_step = step, {}
        entered = "looks" not in self._of_step
        self._of_step["looks"] = 1
        self._see_guard(guard, entered)
        self._see_quality(quality)

    def _see_guard(self, guard: Mapping[str, Any], entered: bool) -> None:
        if not guard:
            return
        counts = {name: float(guard.get(name, 0)) for name in ("arm_answers", "stable_answers")}
        began_anew = any(counts[n] < self._last.get("guard", {}).get(n, 0) for n in counts)
        for metric in guard.get("metrics", ()):
            logs = self._logs.setdefault(metric["name"], {})
            for name in ("log_e", "log_e_no_worse"):
                if began_anew:
                    logs[f"{name}_before"] = self._log(metric["name"], name)
                logs[name] = metric.get(name, 0.0)
        seen = self._difference("guard", counts)
        # Requests in flight at the change of the share were drawn by the one before.
        kinds = ("arm",) if entered else ("arm", "split_arm", "split_stable")
        if seen:
            each = {"arm": seen["arm_answers"], "split_arm": seen["arm_answers"]}
            each["split_stable"] = seen["stable_answers"]
            self._add({kind: each[kind] for kind in kinds})

    def _see_quality(self, quality: Mapping[int, Mapping[str, Any]]) -> None:
        both = []
        for version in (self._plan.candidate, self._plan.stable):
            found = quality.get(version)
            both.append(
                self._difference(f"quality {version}", _counts_of(found)) if found else None
            )
        candidate, stable = both
        if candidate is None or stable is None:
            return
        if self.labels is not None:
            self.labels.add(
                labels=int(candidate["labels"]),
                wrong=int(candidate["wrong"]),
                stable_labels=int(stable["labels"]),
                stable_wrong=int(stable["wrong"]),
            )
        for of, seen in (("arm", candidate), ("stable", stable)):
            self._add({f"rewards_{of}": seen["rewards"], f"reward_sum_{of}": seen["reward_sum"]})

    def _add(self, counts: Mapping[str, float]) -> None:
        for name, count in counts.items():
            self._of_step[name] = self._of_step.get(name, 0.0) + count

    def _difference(self, name: str, now: _Counts) -> _Counts | None:
        """Return what came since the last look; None when that cannot be said."""
        before = self._last.get(name)
        self._last[name] = now
        if before is None and name == "guard":
            return now  # it began with the rollout
        if before is None or any(now[key] < before[key] for key in now if key != "reward_sum"):
            return None
        return {key: now[key] - before[key] for key in now}

    def _log(self, metric: str, name: str) -> float:
        logs = self._logs.get(metric, {})
        return logs.get(f"{name}_before", 0.0) + logs.get(name, 0.0)

    @property
    def answers(self) -> int:
        """The candidate's answers in this step."""
        return int(self._of_step.get("arm", 0))

    def log_e_no_worse(self, metric: str) -> float | None:
        """Return the evidence that a metric is no worse; None when it was never compared."""
        if metric == "labels" and self.labels is not None:
            return self.labels.log_e_no_worse
        return self._log(metric, "log_e_no_worse") if metric in self._logs else None

    @property
    def log_e(self) -> float:
        """The evidence that the candidate is worse, of all metrics together."""
        logs = [self._log(metric, "log_e") for metric in self._logs]
        if self.labels is not None:
            logs.append(self.labels.log_e)
        return log_mean_e(logs)

    @property
    def split_log_e(self) -> float:
        """The evidence that the candidate does not get the share that the route says."""
        return self._split_before + self._split_of_step()

    def forget_split(self) -> None:
        """Begin to compare the split anew: somebody has looked into it."""
        self._split_before = 0.0
        self._of_step.pop("split_arm", None)
        self._of_step.pop("split_stable", None)

    def _split_of_step(self) -> float:
        if not 0 <= self._step < len(self._plan.steps):
            return 0.0
        return split_log_e(
            arm=int(self._of_step.get("split_arm", 0)),
            stable=int(self._of_step.get("split_stable", 0)),
            share=self._plan.steps[self._step].share,
        )

    @property
    def reward_difference(self) -> tuple[float, float]:
        """Bounds of the candidate's mean reward less stable's, in this step."""
        low, high = self._plan.gates.reward_range
        scaled = []
        for of in ("arm", "stable"):
            n, total = (self._of_step.get(f"{key}_{of}", 0.0) for key in ("rewards", "reward_sum"))
            scaled.append((n, (total - n * low) / (high - low)))
        alpha = self._plan.alpha / len(self._plan.steps)
        bounds = difference_bounds(scaled[0], scaled[1], alpha)
        return bounds[0] * (high - low), bounds[1] * (high - low)

    def to_json(self) -> dict[str, Any]:
        """Return what the next controller goes on with."""
        kept: dict[str, Any] = {"step": self._step, "last": self._last, "logs": self._logs}
        kept |= {"split_before": self._split_before, "of_step": self._of_step}
        if self.labels is not None:
            kept["labels"] = self.labels.to_json()
        return kept

    def summary(self) -> dict[str, Any]:
        """Return what the audit log keeps of it."""
        told: dict[str, Any] = {"log_e": self.log_e, "split_log_e": self.split_log_e}
        told |= {"answers": self.answers}
        if self.labels is not None:
            told["labels"] = {"worse": self.labels.log_e, "no_worse": self.labels.log_e_no_worse}
        if self._plan.gates.reward_loss_max is not None:
            told["reward_difference"] = list(self.reward_difference)
        return told


def _counts_of(quality: Mapping[str, Any]) -> _Counts:
    confusion = quality.get("confusion") or []
    right = sum(row[i] for i, row in enumerate(confusion))
    labels = sum(sum(row) for row in confusion)
    counts = {"labels": float(labels), "wrong": float(labels - right)}
    for name in ("rewards", "reward_sum"):
        counts[name] = float(quality.get(name) or 0.0)
    return counts
