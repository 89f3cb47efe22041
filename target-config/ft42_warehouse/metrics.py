"""The state of the pipeline, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from ft42_warehouse.overview import Overview, Row


def metrics(overview: Overview) -> bytes:
    """Return all figures for a scrape; their names begin with ``ft42_``."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(overview))
    return generate_latest(registry)


class _Figures:
    """A collector, which is the library's word for a source of figures."""

    def __init__(self, overview: Overview) -> None:
        self._seen = overview

    def collect(self) -> Iterator[Metric]:
        seen = self._seen
        yield GaugeMetricFamily(
            "ft42_healthy", "0 if something is stale or broken.", not seen.is_broken
        )
        findings = GaugeMetricFamily(
            "ft42_finding", "1 for each thing that is wrong.", labels=["key", "severity"]
        )
        for finding in seen.findings:
            findings.add_metric([finding.key, finding.severity], 1)
        yield findings
        yield _gauge(
            "ft42_table_age_seconds", "Age of the data of a table.",
            seen.tables, "age_seconds", table="name", job="job",
        )  # fmt: skip
        yield _gauge(
            "ft42_table_allowed_age_seconds", "Age that the data of a table may reach.",
            seen.tables, "allowed_seconds", table="name", job="job",
        )  # fmt: skip
        for name, meaning in (
            ("requests", "Requests of the job's last run."),
            ("lower_bound", "Least possible requests of the job's last run."),
            ("seconds", "How long the job's last run took."),
            ("rows", "Rows that the API sent in the job's last run."),
        ):
            yield _gauge(f"ft42_run_{name}", meaning, seen.runs, name, job="job")
        for name, meaning in (
            ("requests_last_hour", "Requests of the last hour."),
            ("requests_per_hour", "Requests that an hour may have; 0 for no limit."),
            ("refusals_last_day", "Requests of the last 24 h that were refused as too many."),
        ):
            yield _gauge(f"ft42_{name}", meaning, seen.quota, name)
        for name in ("inserted", "changed", "deleted"):
            yield _gauge(
                f"ft42_rows_{name}_last_day", f"Published rows {name} in the last 24 h.",
                seen.publishes, name,
            )  # fmt: skip
        yield _gauge(
            "ft42_orphan_rows", "Rows that wait for a parent.",
            seen.orphans, "rows", table="table_name",
        )  # fmt: skip
        yield _gauge(
            "ft42_rejected_records", "Records that were rejected.",
            seen.rejected, "records", stream="stream",
        )  # fmt: skip


def _gauge(
    name: str, meaning: str, rows: list[Row], value: str, **labels: str
) -> GaugeMetricFamily:
    """Return a gauge with a figure of each row: that in the column `value`.

    `labels` names for each label the column that holds it.
    """
    gauge = GaugeMetricFamily(name, meaning, labels=list(labels))
    for row in rows:
        if row[value] is not None:
            gauge.add_metric([row[column] for column in labels.values()], row[value])
    return gauge
