"""Module: a part of a network, which has parameters, buffers and modules of its own.

Whatever a module holds as an attribute is found by looking at its attributes: a ``Parameter`` is trained, a
``Buffer`` is kept with the weights but not trained, a ``Module`` is a part with a path such as ``layers.2``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from glassnet.engine.convert import FLOAT, as_array
from glassnet.engine.errors import ConfigError, GlassnetError
from glassnet.engine.hints import missing_attribute
from glassnet.engine.namespace import Array
from glassnet.engine.scope import scope
from glassnet.engine.tensor import Tensor
from glassnet.nn import state
from glassnet.nn.predict import predict, predict_proba
from glassnet.nn.summary import summary, summary_html


class Parameter(Tensor):
    """A tensor that an optimizer trains. Optimizers and ``load_state_dict`` put a new array into ``data``."""

    __slots__ = ()

    def __init__(self, value: Any, requires_grad: bool = True) -> None:
        super().__init__(np.array(as_array(value)), requires_grad)


class Buffer(Tensor):
    """A tensor that belongs to the state of a module but is not trained, such as a running mean."""

    __slots__ = ()

    def __init__(self, value: Any) -> None:
        super().__init__(np.array(as_array(value)))


T = TypeVar("T", bound=Tensor)

#: Names that PyTorch's modules have, and what to write here.
HINTS = {
    "register_buffer": "self.name = nn.Buffer(array)",
    "register_parameter": "self.name = nn.Parameter(array)",
    "add_module": "self.name = module",
    "apply": "for module in net.modules(): ...",
    "requires_grad_": "parameter.requires_grad = False for each of net.parameters()",
    "double": 'net.to("float64")',
    "float": 'net.to("float32")',
}

#: Called as hook(module, inputs, output) after forward().
ForwardHook = Callable[["Module", tuple[Any, ...], Any], None]


class Module:
    """Base of all layers, losses and networks: subclass it, hold the parts as attributes, and define ``forward``.

    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         self.hidden = nn.Linear(784, 16)
    ...         self.output = nn.Linear(16, 10)
    ...
    ...     def forward(self, x):  # (N, 784)
    ...         return self.output(self.hidden(x).relu())  # (N, 10)
    >>> Net()(np.zeros((5, 784))).shape
    (5, 10)
    """

    training: bool = True
    #: What the outputs mean, which decides what ``predict`` returns: "classification" (logits of classes), "binary"
    #: (logits of yes or no) or "regression". ``glassnet.fit`` sets it from the loss.
    task: str | None = None
    #: Whether the inputs are indices (whole numbers) rather than values.
    takes_indices: bool = False
    _forward_hooks: tuple[ForwardHook, ...] = ()

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output from the inputs. Subclasses define it; call the module itself instead."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward().")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Run ``forward`` and the hooks; an error on the way names the layer by its path."""
        before, scope.layer = scope.layer, self
        try:
            if before is None and any(isinstance(x, list | np.ndarray) for x in inputs):
                inputs = self._entering(inputs)
            output = self.forward(*inputs, **options)
        except GlassnetError as error:
            if error.layer is None:
                error.layer = self
            if before is None and error.where is None:  # only the outermost module knows the paths
                error.where = self.locate(error.layer)
            raise
        finally:
            scope.layer = before
        for hook in self._forward_hooks:
            hook(self, inputs, output)
        return output

    def _entering(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Lists and arrays may enter a network. They are constants: floats take the type of tensors or parameters."""
        tensors = (x for x in (*inputs, *self.parameters()) if isinstance(x, Tensor))
        dtype = next((x.dtype for x in tensors if x.dtype.kind == "f"), None)

        def enter(x: Any) -> Any:
            if not isinstance(x, list | np.ndarray):
                return x
            array = as_array(x)
            return Tensor(as_array(x, dtype) if array.dtype.kind == "f" else array)

        return tuple(map(enter, inputs))

    def register_forward_hook(self, hook: ForwardHook) -> Callable[[], None]:
        """Call ``hook(module, inputs, output)`` after each forward(). Returns a function that removes the hook."""
        self._forward_hooks = (*self._forward_hooks, hook)

        def remove() -> None:
            self._forward_hooks = tuple(other for other in self._forward_hooks if other is not hook)

        return remove

    # Parts

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one, with the names of the attributes."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one."""
        return (child for _, child in self.named_children())

    def named_modules(self, path: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it with their paths, each module once, in the order of the attributes."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(path, self)]
        while stack:
            path, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            module._refuse_hidden_parts(vars(module))
            yield path, module
            stack.extend(reversed([(_join(path, name), child) for name, child in module.named_children()]))

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths, such as ``layers.0.weight``, each parameter once."""
        return self._named_tensors(Parameter)

    def parameters(self) -> Iterator[Parameter]:
        """The parameters, each once; what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """The buffers with their paths, such as ``layers.1.running_mean``."""
        return self._named_tensors(Buffer)

    def own_parameters(self) -> list[tuple[str, Parameter]]:
        """The parameters that are attributes of this very module."""
        return self._own_tensors(Parameter)

    def _refuse_hidden_parts(self, attributes: Mapping[str, Any]) -> None:
        """When an attribute is set, and whenever parts are looked for: a list can have grown since."""
        for name, value in attributes.items():
            if _holds_parts(value):
                raise TypeError(
                    f"{type(self).__name__}.{name}: modules and parameters in a {type(value).__name__} would not be "
                    "found and not be trained. Put modules into nn.ModuleList, or set one attribute for each."
                )

    def _own_tensors(self, kind: type[T]) -> list[tuple[str, T]]:
        return [(name, value) for name, value in vars(self).items() if isinstance(value, kind)]

    def _named_tensors(self, kind: type[T]) -> Iterator[tuple[str, T]]:
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, value in module._own_tensors(kind):
                if id(value) not in seen:
                    seen.add(id(value))
                    yield _join(path, name), value

    # State

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode: BatchNorm uses the statistics of the batch."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation mode: BatchNorm uses its running statistics."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self, dtype: DTypeLike) -> Self:
        """Cast all parameters and buffers to a floating type, such as ``"float64"``."""
        wanted = np.dtype(dtype)
        if wanted.kind != "f":
            raise ConfigError(f"to() takes a floating type such as 'float64', got {wanted}.")
        for _, tensor in state.named_tensors(self):
            tensor.data = tensor.data.astype(wanted)
            tensor.grad = None
        return self

    @property
    def dtype(self) -> np.dtype[Any]:
        """The floating type of the parameters; float32 for a module without parameters."""
        first = next(self.parameters(), None)
        return FLOAT if first is None else first.dtype

    def state_dict(self) -> dict[str, Array]:
        """A copy of every parameter and buffer, by path."""
        return state.state_dict(self)

    def load_state_dict(self, state_dict: Mapping[str, ArrayLike]) -> None:
        """Put the arrays of a ``state_dict`` into the parameters and buffers.

        Raises CheckpointError that lists every missing, unexpected and wrongly shaped entry; then nothing changes.
        """
        state.load_state_dict(self, state_dict)

    # Looking and using

    def summary(self, input_shape: tuple[int, ...] | None = None) -> str:
        """A table of the layers: path, output shape, number of parameters.

        ``input_shape`` is the shape of one input, such as (784,); without it there are no output shapes.
        """
        return summary(self, input_shape)

    def predict(self, x: Any, batch_size: int = 1024) -> Array:
        """For each row of x (N, ...) the predicted class, 0 or 1 for a binary classifier, or the outputs of a
        regression; in evaluation mode."""
        return predict(self, x, batch_size)

    def predict_proba(self, x: Any, batch_size: int = 1024) -> Array:
        """The probability of each class (N, K) for each row of x (N, ...); in evaluation mode."""
        return predict_proba(self, x, batch_size)

    def config(self) -> dict[str, Any]:
        """The arguments that make an equal, untrained module. Every argument is an attribute of its name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def extra_repr(self) -> str:
        """What a layer says about itself besides its class, such as ``784 -> 16``."""
        return ""

    def initialisation(self) -> str:
        """What the weights were drawn from, for a layer that chose; "" otherwise."""
        return ""

    def locate(self, module: Module) -> str:
        """Where a module stands in this one, for people: ``layers.2 (Linear 16 -> 10)``."""
        path = next((path for path, found in self.named_modules() if found is module), "")
        what = f"{type(module).__name__} {module.extra_repr()}".strip()
        if not path:
            return what
        return f"{'layer ' if path[0].isdigit() else ''}{path} ({what})"

    def __repr__(self) -> str:
        children = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        inside = "\n" + "\n".join(children) + "\n" if children else self.extra_repr()
        return f"{type(self).__name__}({inside})"

    def _repr_html_(self) -> str:
        return summary_html(self)

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute(self, type(self).__name__, name, HINTS)

    def __setattr__(self, name: str, value: Any) -> None:
        before = vars(self).get(name)
        if isinstance(before, Parameter | Buffer) and value is not None and not isinstance(value, Parameter | Buffer):
            raise TypeError(
                f"{type(self).__name__}.{name} is a {type(before).__name__} and would be lost. "
                f"Write {name}.data = array to change its values."
            )
        if isinstance(value, Tensor) and value.requires_grad and value.node is None and type(value) is Tensor:
            raise TypeError(f"{type(self).__name__}.{name}: a plain tensor is not trained. Write nn.Parameter(values).")
        self._refuse_hidden_parts({name: value})
        super().__setattr__(name, value)


def _holds_parts(value: Any) -> bool:
    """Whether a list, tuple or dict holds modules or parameters, at any depth."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return any(isinstance(item, Module | Parameter) or _holds_parts(item) for item in items)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
