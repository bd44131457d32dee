"""One InfluxDB 2.x server through influxdb-client: lines in, rows out, and its failures in our words."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import influxdb_client
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from gateway.errors import StoreError

library: Any = influxdb_client  # its types are there by half

_BAD_LINE, _TOO_LARGE, _LATER = (400, 422), 413, (408, 429)


class RefusedError(Exception):
    """The server will never take these lines as they are: one of them is bad, or they are too many at once."""


class InfluxServer:
    """Writes to and reads from one bucket. Every method raises StoreError, `write` RefusedError too."""

    def __init__(self, url: str, org: str, bucket: str, token: str, timeout_s: float) -> None:
        self.bucket = bucket
        self._org = org
        self._client = library.InfluxDBClient(url, token, timeout=round(timeout_s * 1000), org=org)
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)
        self._reader = self._client.query_api()

    def write(self, lines: str) -> None:
        """Write lines whose times are ns; returns when the server has them."""
        try:
            with _translated():
                self._writer.write(self.bucket, self._org, lines.encode(), library.WritePrecision.NS)
        except ApiException as error:
            if error.status in (*_BAD_LINE, _TOO_LARGE):
                raise RefusedError(f"{error.status}: {_message(error)}") from error
            raise _store_error(error) from error

    def rows(self, text: str, parameters: Mapping[str, object]) -> Iterator[Mapping[str, str]]:
        """Rows of a Flux query; its values are bound, never written into the text."""
        dialect = library.Dialect(header=True, annotations=[], delimiter=",")
        bound = {"p_bucket": self.bucket, **parameters}
        try:
            with _translated():
                answer = self._reader.query_raw(text, org=self._org, dialect=dialect, params=bound)
                body = answer.data if hasattr(answer, "data") else answer
        except ApiException as error:
            raise _store_error(error) from error
        return _tables(body.decode() if isinstance(body, bytes) else str(body))

    def ensure_bucket(self, name: str, keep_days: int) -> None:
        """Create a bucket where it is missing; `keep_days` 0 keeps for ever."""
        rules = [library.BucketRetentionRules(type="expire", every_seconds=keep_days * 86_400)] if keep_days else []
        try:
            with _translated():
                buckets = self._client.buckets_api()
                if buckets.find_bucket_by_name(name) is None:
                    buckets.create_bucket(bucket_name=name, org=self._org, retention_rules=rules)
        except ApiException as error:
            raise _store_error(error) from error

    def ensure_task(self, name: str, text: str, every: str) -> None:
        """Create a task where none has that name."""
        try:
            with _translated():
                tasks = self._client.tasks_api()
                if not tasks.find_tasks(name=name):
                    organization = self._client.organizations_api().find_organizations(org=self._org)[0]
                    tasks.create_task_every(name, text, every, organization)
        except ApiException as error:
            raise _store_error(error) from error

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (HTTPError, OSError) as error:
        raise StoreError(f"InfluxDB does not answer: {error}", retryable=True) from error


def _store_error(error: ApiException) -> StoreError:
    status = int(error.status or 0)
    wait = str((error.headers or {}).get("Retry-After", ""))  # type: ignore[call-overload] # headers are a mapping
    message = f"InfluxDB answers {status}: {_message(error)}"
    later = status in _LATER or status >= 500 or status == 0
    return StoreError(message, retryable=later, retry_after_s=float(wait) if wait.isdigit() else 0.0)


def _message(error: ApiException) -> str:
    body = error.body
    return (body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or error.reason))[:300]


def _tables(text: str) -> Iterator[Mapping[str, str]]:
    """Rows of an answer; every table begins with its header, after an empty line."""
    header: list[str] = []
    for row in csv.reader(text.splitlines()):
        if not any(row):
            header = []
        elif not header:
            header = row
        elif "error" in header:
            raise StoreError(f"InfluxDB: {row[header.index('error')]}", retryable=False)
        else:
            yield dict(zip(header, row, strict=True))
