"""The commands of the runbook, infra/README.md, as they are copied from there: infra/deployment_test.py runs them.

A block that is fenced as `sh` is run; one that is fenced as `sh account` takes an account of AWS, and is only read. Called by
itself this says whether bash can read each of them: python3 infra/runbook.py
"""

import os
import shlex
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
RUN, ACCOUNT = "sh", "sh account"


class Stopped(Exception):
    """Commands of the runbook that didn't end well."""


class Block(NamedTuple):
    """Commands, and the heading that they stand under."""

    section: str
    fence: str
    commands: str


def read():
    """The runbook's text."""
    with open(os.path.join(ROOT, "infra", "README.md"), encoding="utf-8") as source:
        return source.read()


def blocks(text):
    """Each fenced block of a document, in order. What is indented as code is refused: nobody would know whether it is run."""
    found, section, fence, commands = [], "", None, []
    for number, line in enumerate(text.splitlines(), 1):
        if fence is None and line.startswith("```"):
            fence, commands = line.removeprefix("```").strip(), []
        elif fence is None:
            if line.startswith("#"):
                section = line.lstrip("#").strip()
            elif line.startswith("    "):
                raise ValueError(f"line {number} is code without a fence: {line.strip()}")
        elif line == "```":
            found.append(Block(section, fence, "\n".join(commands) + "\n"))
            fence = None
        else:
            commands.append(line)
    if fence is not None:
        raise ValueError(f"the last block of *{section}* has no end")
    return found


class Terminal:
    """A terminal into which the blocks are copied, one after the other: what one of them sets or defines the next ones have."""

    def __init__(self, text, environment):
        self.blocks, self.environment, self.copied = blocks(text), dict(environment), set()

    def __getitem__(self, name):
        return self.environment[name]

    def of(self, section):
        """The places of a section's blocks that are run."""
        return [at for at, block in enumerate(self.blocks) if (block.section, block.fence) == (section, RUN)]

    def run(self, section, only=None, **variables):
        """Copies a section's blocks, or the one of this number, after these variables: what they print."""
        places = self.of(section)
        if not places:
            raise ValueError(f"the runbook has no commands to run under *{section}*")
        self.environment.update(variables)
        return "".join(self.copy(at) for at in (places if only is None else [places[only]]))

    def copy(self, at):
        block = self.blocks[at]
        with tempfile.NamedTemporaryFile() as after:
            # whatever is set and defined goes into the environment, which is what is kept
            script = f"set -a\n{block.commands}env -0 >{shlex.quote(after.name)}\n"
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=self.environment, text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if done.returncode:
                raise Stopped(f"the runbook's commands under *{block.section}* ended with {done.returncode}:\n"
                              f"{block.commands}{done.stdout}{done.stderr}")
            kept = after.read().decode().split("\0")
        self.environment = dict(one.split("=", 1) for one in kept if one)
        self.copied.add(at)
        return done.stdout

    def left(self):
        """The sections that have commands which nobody copied."""
        return [block.section for at, block in enumerate(self.blocks) if block.fence != ACCOUNT and at not in self.copied]

    def with_account(self):
        """The sections that have commands which take an account, each once."""
        return list(dict.fromkeys(block.section for block in self.blocks if block.fence == ACCOUNT))


def main():
    found = blocks(read())
    for block in found:
        if block.fence not in (RUN, ACCOUNT):
            sys.exit(f"a block under *{block.section}* is fenced as `{block.fence}`, not as `{RUN}` or `{ACCOUNT}`")
        looked = subprocess.run(["bash", "-n"], input=block.commands, text=True, capture_output=True, check=False)
        # a heredoc without its end is only warned of
        if looked.returncode or looked.stderr:
            sys.exit(f"bash can't read a block under *{block.section}*: {looked.stderr}")
    run = sum(block.fence == RUN for block in found)
    print(f"   the runbook has {run} blocks of commands that are run, and {len(found) - run} that take an account")


if __name__ == "__main__":
    main()
