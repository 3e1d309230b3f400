#!/usr/bin/python3
"""Files are opened, made and removed in src/files only: by descriptor, without links (docs/opening-files.md)."""
import pathlib
import re
import sys

# Calls of the C library and of the standard library that name a file by its path.
RAW = re.compile(r"""(?<![\w.>])(?:::|std::)?(?:
    (?:open|openat|openat2|creat|fopen|freopen|rename|renameat|renameat2|unlink|unlinkat|remove|rmdir|mkdir|mkdirat|mkfifo|mknod|
       chmod|fchmodat|chown|lchown|fchownat|fchown|fchmod|link|symlink|truncate|stat|lstat|access|mkstemp|mkostemp|mkdtemp|tmpfile|
       utime|utimes)\s*\(
  | ssh_pki_import_\w+_file\s*\((?!InMemory)
  | [io]?fstream\b
  | filesystem::(?:create_director\w+|copy\w*|remove\w*|rename|permissions|resize_file|exists|status|is_\w+|\w*symlink)
  | fs::(?:create_director\w+|copy\w*|remove\w*|rename|permissions|resize_file|exists|status|is_\w+|\w*symlink)
)""", re.VERBOSE)
# Not by path, or of a path that nobody else can write. Each with its reason.
ALLOWED = {
    "src/app/world/protect.cpp": (r'std::ifstream file\(path\)|#include <fstream>', "resolv.conf, and root's files that resolvers write"),
    "src/app/world/logged_in.cpp": (r'"/run/utmp"|/proc/|file\(path, std::ios::binary\)|one->path\(\)|#include <fstream>', "the kernel's own files, and utmp"),
    "src/app/state/instant.cpp": (r'std::ifstream file\("/proc/|#include <fstream>', "the kernel's own files"),
    "src/app/state/process_mark.cpp": (r'std::ifstream file\(fmt::format\("/proc/|#include <fstream>', "the kernel's own files"),
    "src/app/state/actor.cpp": (r'std::ifstream file\("/proc/|#include <fstream>', "the kernel's own files"),
    "src/app/record/bounded_work.cpp": (r'"/dev/null"', "the kernel's own device"),
    "src/main.cpp": (r'"/dev/null"', "the kernel's own device"),
    "src/hand_over.cpp": (r'read_symlink\("/proc/self/exe"', "this program's own path"),
    "src/app/commands/lab.cpp": (r"banpush-lab|/proc/self/exe|beside", "the program beside this one"),
    "src/transport/netconf/netconf_library.cpp": (r"is_directory\(module_folder", "Debian's YANG modules"),
    "src/app/world/world.cpp": (r"fs::exists\(fs::path\(BANPUSH_DATADIR\)", "where this program was installed"),
}
# `open` names functions and methods of ours, too: only with :: is it the kernel's.
OURS = re.compile(r"^(?:(?:open|link|access)\s*\(|(?:std::)?remove\s*\()$")


def raw_opens(path, relative):
    pattern, _ = ALLOWED.get(relative, (None, None))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code = re.sub(r'//.*$', "", line)
        for match in RAW.finditer(code):
            if OURS.match(match.group(0)) or (pattern and re.search(pattern, line)):
                continue
            yield f"{relative}:{number}: {match.group(0).strip()}: files are opened by files/open.hpp: {line.strip()}"


def main(root):
    problems = []
    for path in sorted((root / "src").rglob("*.[ch]pp")):
        relative = path.relative_to(root).as_posix()
        if relative.startswith(("src/files/", "src/lab/")):  # the lab is no part of banpush, and never runs as a service
            continue
        problems += raw_opens(path, relative)
    print("\n".join(problems) or "every file is opened by files/open.hpp")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
