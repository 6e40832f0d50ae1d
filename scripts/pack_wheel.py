#!/usr/bin/env python3
"""Packs built files into a wheel for this interpreter, with the standard library only."""

from __future__ import annotations

import argparse
import base64
import hashlib
import sys
import sysconfig
import zipfile
from pathlib import Path


def record_line(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--license", required=True)
    parser.add_argument("--license-file", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()

    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tag = f"{python}-{python}-{platform}"
    stem = f"{options.name}-{options.version}"
    info = f"{stem}.dist-info"
    metadata = (
        f"Metadata-Version: 2.4\nName: {options.name}\nVersion: {options.version}\n"
        f"License-Expression: {options.license}\nLicense-File: {options.license_file.name}\n"
    )
    wheel = f"Wheel-Version: 1.0\nGenerator: trunkline\nRoot-Is-Purelib: false\nTag: {tag}\n"
    members = {path.name: path.read_bytes() for path in options.files}
    members[f"{info}/licenses/{options.license_file.name}"] = options.license_file.read_bytes()
    members[f"{info}/METADATA"] = metadata.encode()
    members[f"{info}/WHEEL"] = wheel.encode()
    record = [record_line(name, content) for name, content in members.items()]
    record_name = f"{info}/RECORD"
    members[record_name] = "\n".join([*record, f"{record_name},,", ""]).encode()

    with zipfile.ZipFile(options.into / f"{stem}-{tag}.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


if __name__ == "__main__":
    main()
