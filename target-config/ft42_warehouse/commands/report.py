"""The command ``warehouse report``."""

from __future__ import annotations

from pathlib import Path

import click

from ft42_warehouse.commands.options import Warehouse, schedule_of, schedule_options
from ft42_warehouse.overview import inspection
from ft42_warehouse.report import report as render_report
from ft42_warehouse.report import write_page
from ft42_warehouse.serve import ReportServer


@click.command(epilog="Example: warehouse report --output report.html")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="File for the page; - for the standard output.",
)
@click.option(
    "--serve", is_flag=True,
    help="Serve an up-to-date page on 127.0.0.1, with /health and /metrics.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8042, show_default=True,
    help="Port to serve on; 0 for any free one.",
)  # fmt: skip
@schedule_options
@click.pass_obj
def report(  # noqa: PLR0913 - an argument an option
    warehouse: Warehouse,
    *,
    output: Path | None,
    serve: bool,
    port: int,
    incremental_minutes: float,
    nightly_hours: float,
) -> None:
    """Write or serve a report: one HTML page that needs no network."""
    if (output is None) != serve:
        message = "Use either --output FILE or --serve."
        raise click.UsageError(message)
    looked_at = (
        warehouse.database,
        warehouse.schemas,
        schedule_of(incremental_minutes, nightly_hours),
    )
    if output is None:
        ReportServer(port, *looked_at).run()
        return
    with inspection(*looked_at) as seen:
        page = render_report(seen.overview, seen)
    try:
        write_page(page, output)
    except OSError as error:
        message = f"{output} cannot be written: {error.strerror}. Choose another file."
        raise click.ClickException(message) from None
    if str(output) != "-":
        click.echo(f"The report is in {output}: open it in a browser.")
