#!/usr/bin/python3
"""Stands between banpush and a program and writes down, as JSON lines, what it was given: argv and standard
input. `recorder.py FILE program word…` runs the program; `recorder.py FILE --shell` runs what an SSH client
asked for; `recorder.py FILE --cli program word…` passes lines to an interactive program one by one.

--spoil TEXT WORD  turns the line that holds TEXT into WORD, as a device would meet a line it does not know
--die TEXT         ends the session at the line that holds TEXT, as a device that goes away
"""
import argparse
import json
import os
import subprocess
import sys
import termios


def write(path, argv, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps({"argv": argv, "stdin": text}) + "\n")


def silence_terminal():
    """The program echoes by itself; a terminal that does, too, would show each line twice."""
    try:
        settings = termios.tcgetattr(0)
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(0, termios.TCSANOW, settings)
    except termios.error:
        pass


def pass_lines(options, argv):
    silence_terminal()
    program = subprocess.Popen(argv, stdin=subprocess.PIPE, text=True)
    try:
        for line in sys.stdin:
            if options.die and options.die in line:
                program.kill()
                break
            write(options.file, argv, line)  # at once: the end of the session ends this program, too
            if options.spoil and options.spoil[0] in line:
                line = options.spoil[1] + "\n"
            program.stdin.write(line)
            program.stdin.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    try:
        program.stdin.close()
    except BrokenPipeError:
        pass
    return program.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shell", action="store_true")
    parser.add_argument("--cli", action="store_true")
    parser.add_argument("--spoil", nargs=2)
    parser.add_argument("--die")
    parser.add_argument("file")
    parser.add_argument("argv", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    argv = ["sh", "-c", os.environ.get("SSH_ORIGINAL_COMMAND", "")] if options.shell else options.argv
    if options.cli:
        return pass_lines(options, argv)
    text = sys.stdin.read()
    write(options.file, argv[2:] if options.shell else argv, text)
    if options.die and options.die in text:
        os.kill(os.getppid(), 9)
        return 1
    if options.spoil:
        text = "".join(options.spoil[1] + "\n" if options.spoil[0] in line else line for line in text.splitlines(keepends=True))
    return subprocess.run(argv, input=text, text=True).returncode


if __name__ == "__main__":
    sys.exit(main())
