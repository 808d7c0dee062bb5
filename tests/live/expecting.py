"""What live tests have in common: a folder of their own, the guard, and expectations that all get looked at."""
import os
import shutil
import sys
import tempfile

from recording import under_guard


class Expectations:
    def __init__(self):
        self.failures = 0

    def that(self, holds, what):
        if not holds:
            self.failures += 1
            print(f"FAILED: {what}", flush=True)

    def equal(self, got, wanted, what):
        self.that(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def run(test, guarded=True):
    """Calls test(build, folder, expect) and exits with 1 where an expectation was not met; keeps the folder then."""
    build = os.path.abspath(sys.argv[1])
    if guarded:
        under_guard(build)
    folder = tempfile.mkdtemp(prefix="lineage-live.")
    expect = Expectations()
    test(build, folder, expect)
    if expect.failures == 0:
        shutil.rmtree(folder)
    else:
        print(f"{expect.failures} expectations not met; what there is: {folder}")
    sys.exit(1 if expect.failures else 0)
