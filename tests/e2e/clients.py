"""The clients that people upload with: the same verbs, and the requests that each client makes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.header import Header
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from boto3.s3.transfer import TransferConfig

from local.stack.home import REPOSITORY, TOOLS
from tests.e2e.road import Doors

PART_BYTES = 5 * 1024 * 1024


class Client(Protocol):
    """A way of putting files into the uploads bucket. `words` go into the photo's metadata."""

    def put(self, file: Path, key: str, words: str | None = None) -> None: ...

    def sync(self, folder: Path, prefix: str) -> None:
        """Put the files of the folder that are missing or different."""
        ...

    def touch(self, key: str) -> None:
        """Make an object new with the same bytes: copy it onto itself."""
        ...

    def mark_folder(self, key: str) -> None: ...


@dataclass(frozen=True)
class Cli:
    """`aws s3 cp` and `aws s3 sync`. Words outside ASCII go as RFC 2047, base64, in several encoded words."""

    doors: Doors

    def put(self, file: Path, key: str, words: str | None = None) -> None:
        encoded = words if not words or words.isascii() else Header(words, "utf-8").encode(linesep="")
        self._cp(str(file), self._uri(key), *_metadata(instruction=encoded))

    def sync(self, folder: Path, prefix: str) -> None:
        self._run("s3", "sync", "--only-show-errors", str(folder), self._uri(prefix))

    def touch(self, key: str) -> None:
        """Copy it onto itself. Its metadata then has no words any more."""
        self._cp(self._uri(key), self._uri(key), "--metadata-directive", "REPLACE", *_metadata(mtime=str(time.time())))

    def mark_folder(self, key: str) -> None:
        self._run("s3api", "put-object", "--bucket", _bucket(self.doors), "--key", key)

    def _cp(self, *words: str) -> None:
        self._run("s3", "cp", "--only-show-errors", *words)

    def _run(self, *words: str) -> None:
        config = self.doors.stack.home.folder / "aws-config"
        config.write_text("[default]\ns3 =\n  multipart_threshold = 5MB\n  multipart_chunksize = 5MB\n")
        settings = {"AWS_CONFIG_FILE": str(config), "PYTHONWARNINGS": "ignore"}
        _run(self.doors, Path(sys.executable).with_name("aws"), *words, settings=settings)

    def _uri(self, key: str) -> str:
        return f"s3://{_bucket(self.doors)}/{key}"


@dataclass(frozen=True)
class Boto3:
    """boto3's managed transfers. Words outside ASCII go as RFC 2047, quoted-printable."""

    doors: Doors

    def put(self, file: Path, key: str, words: str | None = None) -> None:
        quoted = words if not words or words.isascii() else f"=?UTF-8?Q?{quote(words, safe='').replace('%', '=')}?="
        self._upload(file, key, {"instruction": quoted} if quoted else {})

    def sync(self, folder: Path, prefix: str) -> None:
        for file in _files(folder):
            self._upload(file, f"{prefix}/{file.relative_to(folder)}", {"mtime": str(file.stat().st_mtime)})

    def touch(self, key: str) -> None:
        s3, bucket = self.doors.stack.aws.s3, _bucket(self.doors)
        metadata = {**s3.head_object(Bucket=bucket, Key=key)["Metadata"], "mtime": str(time.time())}
        arguments = {"Metadata": metadata, "MetadataDirective": "REPLACE"}
        s3.copy({"Bucket": bucket, "Key": key}, bucket, key, ExtraArgs=arguments)

    def mark_folder(self, key: str) -> None:
        self.doors.stack.aws.s3.put_object(Bucket=_bucket(self.doors), Key=key)

    def _upload(self, file: Path, key: str, metadata: Mapping[str, str]) -> None:
        config = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
        self.doors.stack.aws.s3.upload_file(
            str(file), _bucket(self.doors), key, ExtraArgs={"Metadata": metadata}, Config=config
        )


@dataclass(frozen=True)
class Rclone:
    """rclone. It sends words as plain UTF-8, with the file's times and owner."""

    doors: Doors

    def put(self, file: Path, key: str, words: str | None = None) -> None:
        metadata = ["--metadata", "--metadata-set", f"instruction={words}"] if words else []
        self._run("copyto", "--ignore-times", str(file), self._remote(key), *metadata)

    def sync(self, folder: Path, prefix: str) -> None:
        self._run("sync", str(folder), self._remote(prefix), "--s3-directory-markers", "--create-empty-src-dirs")

    def touch(self, key: str) -> None:
        self._run("touch", self._remote(key))

    def mark_folder(self, key: str) -> None:
        self._run("mkdir", self._remote(key), "--s3-directory-markers")

    def _remote(self, key: str) -> str:
        return f":s3:{_bucket(self.doors)}/{key}"

    def _run(self, *words: str) -> None:
        settings = {
            "RCLONE_CONFIG": "",
            "RCLONE_RETRIES": "1",
            "RCLONE_S3_PROVIDER": "Other",
            "RCLONE_S3_ENV_AUTH": "true",
            "RCLONE_S3_NO_CHECK_BUCKET": "true",
            "RCLONE_S3_UPLOAD_CUTOFF": "5Mi",
        }
        _run(self.doors, TOOLS / "rclone" / "bin" / "rclone", *words, settings=settings)


@dataclass(frozen=True)
class JavaScript:
    """The AWS SDK for JavaScript v3, as `upload.mjs` uses it. Words outside ASCII go as RFC 8187."""

    doors: Doors

    def put(self, file: Path, key: str, words: str | None = None) -> None:
        self._run("put", str(file), key, *([words] if words else []))

    def sync(self, folder: Path, prefix: str) -> None:
        self._run("sync", str(folder), prefix)

    def touch(self, key: str) -> None:
        self._run("touch", key)

    def mark_folder(self, key: str) -> None:
        self._run("markFolder", key)

    def _run(self, *words: str) -> None:
        """Run the script from standard input, so that Node looks for its imports beside the SDK."""
        script = (REPOSITORY / "tests" / "e2e" / "upload.mjs").read_text(encoding="utf-8")
        node = TOOLS / "node" / "bin" / "node"
        _run(self.doors, node, "--input-type=module", "-", *words, script=script, cwd=TOOLS / "aws-sdk-js")


@dataclass(frozen=True)
class S3fs:
    """The bucket as a folder, mounted by s3fs. A file there has no words in its metadata."""

    folder: Path

    def put(self, file: Path, key: str, words: str | None = None) -> None:
        self._cp(file, self.folder / key)

    def sync(self, folder: Path, prefix: str) -> None:
        (self.folder / prefix).mkdir(parents=True, exist_ok=True)
        self._cp("-pr", f"{folder}/.", self.folder / prefix)

    def touch(self, key: str) -> None:
        os.utime(self.folder / key)

    def mark_folder(self, key: str) -> None:
        (self.folder / key).mkdir(parents=True)

    def _cp(self, *words: str | Path) -> None:
        subprocess.run(["/bin/cp", *words], check=True)


@dataclass(frozen=True)
class S3fsOnTheWire:
    """The requests of s3fs 1.90 for the same verbs, recorded for machines without s3fs."""

    doors: Doors

    def put(self, file: Path, key: str, words: str | None = None) -> None:
        """Create the file empty first, and write it when it is closed."""
        for body in (b"", file.read_bytes()):
            self.doors.stack.aws.s3.put_object(
                Bucket=_bucket(self.doors), Key=key, Body=body, Metadata=_of_a_file_system(0o100644)
            )

    def sync(self, folder: Path, prefix: str) -> None:
        """Copy as `cp -pr` does, which sets each file's time and mode at the end."""
        for sub in (folder, *(path for path in sorted(folder.rglob("*")) if path.is_dir())):
            self.mark_folder(f"{prefix}/{sub.relative_to(folder)}/".replace("/./", "/"))
        for file in _files(folder):
            key = f"{prefix}/{file.relative_to(folder)}"
            self.put(file, key)
            self.touch(key)

    def touch(self, key: str) -> None:
        bucket = _bucket(self.doors)
        self.doors.stack.aws.s3.copy_object(
            Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key},
            MetadataDirective="REPLACE", Metadata=_of_a_file_system(0o100600),
        )  # fmt: skip

    def mark_folder(self, key: str) -> None:
        self.doors.stack.aws.s3.put_object(
            Bucket=_bucket(self.doors), Key=key, Body=b"",
            ContentType="application/x-directory", Metadata=_of_a_file_system(0o40755),
        )  # fmt: skip


def _of_a_file_system(mode: int) -> dict[str, str]:
    now = f"{time.time():.9f}"
    return {"atime": now, "ctime": now, "mtime": now, "mode": str(mode), "uid": "0", "gid": "0"}


def _metadata(**metadata: str | None) -> list[str]:
    """The CLI's option for metadata, as JSON: its short form breaks at a comma."""
    given = {name: value for name, value in metadata.items() if value}
    return ["--metadata", json.dumps(given)] if given else []


def _bucket(doors: Doors) -> str:
    return doors.stack.env["UPLOADS_BUCKET"]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _run(
    doors: Doors,
    program: Path,
    *words: str,
    settings: Mapping[str, str] | None = None,
    script: str | None = None,
    cwd: Path | None = None,
) -> None:
    env = {**os.environ, **doors.stack.env, **(settings or {})}
    done = subprocess.run(
        [program, *words], env=env, cwd=cwd, input=script, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
