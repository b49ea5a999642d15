"""synthgym: automatic sound matching as an open benchmark.

```python
import synthgym

problem = synthgym.make_problem("DiffMoog-FM-v0", split="dev", index=3)
problem(x)                      # distance in dB of the patch x, (dimension,) in [0, 1]
problem.batch(X)                # of many, (n,)
problem.value_and_grad(X)       # with gradients through the synthesizer

import gymnasium as gym

env = gym.make("DiffMoog-FM-v0")
```
"""

from synthgym.envs.registration import register_all
from synthgym.errors import SynthgymError
from synthgym.losses import MelDistance
from synthgym.synth import Clock, Patch, chains
from synthgym.tasks import Problem, Task, get_task, make_problem, task_ids

__version__ = "0.1.0"

__all__ = [
    "Clock",
    "MelDistance",
    "Patch",
    "Problem",
    "SynthgymError",
    "Task",
    "chains",
    "get_task",
    "make_problem",
    "task_ids",
]

register_all()
