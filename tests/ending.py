"""How a test program in Python ends, so that nobody has to ask what it left out: each part that was skipped is named with
its reason, and a program of which nothing ran ends with 77, which ctest shows as skipped."""
import resource
import sys
import unittest

SKIPPED = 77
NO_MATTER = "does not apply: "  # a case that the subject of a parametrised test does not have; nothing is left untested


def does_not_apply(reason):
    raise unittest.SkipTest(NO_MATTER + reason)


def skip_all(reason):
    """Ends the program: nothing of it can run here."""
    print("skipped: " + reason, flush=True)
    sys.exit(SKIPPED)


def main(**options):
    """unittest.main() of the calling program."""
    result = unittest.main(exit=False, **options).result
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print("CPU seconds: {:.1f} of its own, {:.1f} of the programs that it waited for".format(*(one.ru_utime + one.ru_stime for one in used)))
    left_out = [(test, reason) for test, reason in result.skipped if not reason.startswith(NO_MATTER)]
    for test, reason in left_out:
        print(f"skipped: {test.id()}: {reason}", file=sys.stderr)
    if not result.wasSuccessful():
        sys.exit(1)
    ran = result.testsRun - sum(isinstance(test, unittest.TestCase) for test, _ in left_out)
    sys.exit(SKIPPED if left_out and ran <= 0 else 0)
