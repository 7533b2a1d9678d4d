"""What kind of file system a folder is on: SQLite corrupts on one whose locks are not this machine's own.

Source: https://sqlite.org/wal.html ("All processes using a database must be on the same host computer"),
proc_pid_mountinfo(5)
"""

from __future__ import annotations

import re
from pathlib import Path

NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "9p", "afs", "ceph", "glusterfs", "lustre",
     "gfs2", "ocfs2", "beegfs", "gpfs", "davfs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs",
     "fuse.rclone", "fuse.davfs2", "fuse.ceph-fuse", "fuse.gcsfuse", "fuse.curlftpfs"}
)  # fmt: skip
MOUNTS = Path("/proc/self/mountinfo")
"""Linux; elsewhere nothing is known, and nothing refused."""


def network_file_system(folder: Path) -> str:
    """The kind of network file system that `folder` is on; empty where it is none."""
    try:
        lines = MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    found = file_system_of(folder.resolve(), lines)
    return found if found in NETWORK else ""


def file_system_of(folder: Path, lines: list[str]) -> str:
    """The file system type of an absolute path, by the lines of mountinfo: of the longest mount point,
    and of its last mount where one lies on another."""
    best, kind = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4]))
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split(" ")[0]
    return kind
