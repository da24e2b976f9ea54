"""k-diffusion 0.1.1's samplers without the package's training-time dependencies.

`import k_diffusion` needs a dozen packages that its sampling functions don't use, so its
sampling.py alone is loaded, with empty modules in place of the ODE and SDE solvers.
"""

import importlib.metadata
import importlib.util
import pathlib
import sys
import types

__version__ = importlib.metadata.version("k-diffusion")

for _name, _attributes in (("torchdiffeq", ["odeint"]), ("torchsde", []), ("k_diffusion", []), ("k_diffusion.utils", [])):
    _module = types.ModuleType(_name)
    for _attribute in _attributes:
        setattr(_module, _attribute, None)
    sys.modules.setdefault(_name, _module)


def _append_dims(x, target_dims):
    return x[(...,) + (None,) * (target_dims - x.ndim)]


sys.modules["k_diffusion.utils"].append_dims = _append_dims
sys.modules["k_diffusion"].utils = sys.modules["k_diffusion.utils"]

_path = next(p for p in importlib.metadata.files("k-diffusion") if p.name == "sampling.py").locate()
_spec = importlib.util.spec_from_file_location("k_diffusion.sampling", pathlib.Path(_path))
_sampling = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_sampling)
globals().update({name: value for name, value in vars(_sampling).items() if name.startswith(("sample_", "get_"))})
