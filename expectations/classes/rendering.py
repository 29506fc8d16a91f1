"""Chinese wording of this package's expectation classes in Data Docs."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.core import ExpectationValidationResult
from great_expectations.expectations.expectation import render_suite_parameter_string
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer
from great_expectations.render.renderer_configuration import RendererConfiguration, RendererValueType


class ChineseStatement:
    """Mixin for expectation classes: renders ``statement``, whose ``$names`` are filled in from the kwargs."""

    statement: ClassVar[str]

    @classmethod
    def _prescriptive_template(cls, renderer_configuration: RendererConfiguration) -> RendererConfiguration:
        for name in _names(cls.statement):
            renderer_configuration.add_param(name=name, param_type=RendererValueType.STRING)
        renderer_configuration.template_str = cls.statement
        return renderer_configuration

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)  # type: ignore[untyped-decorator]
    @render_suite_parameter_string  # type: ignore[untyped-decorator]
    def _prescriptive_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,
        result: ExpectationValidationResult | None = None,
        runtime_configuration: dict[str, Any] | None = None,
        **_: Any,
    ) -> list[RenderedStringTemplateContent]:
        kwargs = configuration.kwargs if configuration is not None else {}
        mostly = kwargs.get("mostly", 1)
        share = "" if mostly == 1 else f"，至少 {mostly * 100:g}% 的行"
        return [
            RenderedStringTemplateContent(
                content_block_type="string_template",
                string_template={
                    "template": cls.statement + share + "。",
                    "params": {name: str(kwargs.get(name, "")) for name in _names(cls.statement)},
                    "styling": (runtime_configuration or {}).get("styling"),
                },
            )
        ]


def _names(statement: str) -> list[str]:
    return sorted({part.split("}")[0] for part in statement.split("${")[1:]})
