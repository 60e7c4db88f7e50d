"""Drive scipy's adaptive solver with a batch of members; ``rollout`` is its front."""

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from hnnlib.mechanics import VectorField

MAX_CALLS = 1_000_000  # of a field: a run that needs more never ends


class Batch:
    """Offer a field of many members to scipy, as one of a long vector in float64."""

    def __init__(self, field: VectorField, z0: Tensor, most: int):
        self.field, self.z0, self.most = field, z0, most
        self.calls, self.size = 0, 0.0

    def __call__(self, _time: float, flat: np.ndarray) -> np.ndarray:
        """Return the rates of all states."""
        if self.calls == self.most:
            why = "no end: is the field smooth, the model in eval()?"
            raise RuntimeError(f"{self.most} calls, {why} {self.news()}")
        z = torch.as_tensor(flat, dtype=self.z0.dtype).reshape(self.z0.shape)
        self.rate, self.calls = self.field(z), self.calls + 1
        return self.rate.reshape(-1).double().numpy()

    def accepted(self, time: float, flat: np.ndarray) -> float:
        """Note time and largest sizes: scipy looks for zeros after steps it keeps."""
        self.time, self.size = time, np.maximum(self.size, np.abs(flat))
        return 1.0

    def news(self) -> str:
        """Say how far the run came, and who holds it up."""
        speed = self.rate.norm(dim=-1).nan_to_num(torch.inf, torch.inf)  # (*batch)
        member = (speed == speed.max()).nonzero()[0].tolist()
        who = f"batch member {member} moved fastest there, |dz/dt| = {speed.max():.3g}"
        return f"Reached t = {self.time:.6g}; {who}"


def solve(
    field: VectorField, z0: Tensor, t: Tensor, rtol: float, atol: float, most: int
) -> tuple[Tensor, Tensor, int]:
    """Return the trajectory, the largest size of each component, and the calls."""
    root = z0.shape[:-1].numel() ** 0.5
    finest = max(10 * torch.finfo(z0.dtype).eps, 2.3e-14)  # of scipy itself
    batch = Batch(field, z0, most)
    options = {"rtol": max(rtol / root, finest), "atol": atol / root}
    options |= {"t_eval": t.double().numpy(), "events": batch.accepted}
    span, start = (t[0].item(), t[-1].item()), z0.detach().double().flatten().numpy()
    with torch.no_grad():
        solution = solve_ivp(batch, span, start, "DOP853", **options)
    if not solution.success:
        raise RuntimeError(f"{solution.message} {batch.news()}")
    z = torch.as_tensor(solution.y, dtype=z0.dtype).reshape(*z0.shape, len(t))
    return z.movedim(-1, -2), torch.from_numpy(batch.size).view(z0.shape), batch.calls
