"""A hub for one room: each student logs in by the account they have on this server.

Run as root, in the environment that has hnnlib; see README.md in this folder.
"""

import os
import pwd
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HANDOUT = Path(os.environ.get("HANDOUT", HERE.parent / "build" / "student"))


def lay_out(spawner, has_account=True):
    """Lay the handout into the student's home, as that student, before every start."""
    home, name = spawner.user_env({})["HOME"], spawner.user.name
    command = [sys.executable, HERE / "lay_out.py", HANDOUT, Path(home, "hnnlib")]
    rights = {}
    if has_account:
        group = pwd.getpwnam(name).pw_gid
        rights = {"user": name, "group": group, "extra_groups": [], "umask": 0o077}
    subprocess.run(command, check=True, cwd="/", **rights)


c = get_config()  # noqa: F821
c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # nginx or Caddy before it speaks https
c.Authenticator.allow_all = True  # all who have an account; or allowed_users = {...}
c.Spawner.pre_spawn_hook = lay_out
c.Spawner.cmd = [str(Path(sys.executable).with_name("jupyterhub-singleuser"))]
c.Spawner.default_url = "/lab/tree/hnnlib"
c.Spawner.environment = {"OMP_NUM_THREADS": "1", "JUPYTER_PREFER_ENV_PATH": "1"}
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=3600",  # seconds until a kernel goes
    "--MappingKernelManager.cull_interval=300",
    "--ServerApp.shutdown_no_activity_timeout=7200",  # and then the server
]
