from __future__ import annotations
from tests.xcopy.thin_model import *
from tests.xcopy.test_sparse import *
from tests.cdb.independent import fixed_sense
from xcopy.verdict import judge
import pytest
UNREACH = Reply(status=2, sense=fixed_sense(0xA, 0x0D, 0x02))   # LIO's only no
@pytest.mark.parametrize("first_mapped", [True, False])
def test_require_offload_source_is_tried(first_mapped):
    """destination says no, source can: --require offload works iff the first portion has data"""
    mapped = set(range(0, 256)) if first_mapped else set(range(128, 256))
    s, d = thin(0, BLOCKS, mapped), junk(1, BLOCKS)
    copy = whole(s, d, method=Method.OFFLOAD)
    copy.job._otherwise = copy.job.limits      # commands to the source are agreed too
    real = copy._performed
    def performed(task):
        if isinstance(task, OffloadTask) and task.to is Side.DESTINATION:
            return judge(UNREACH, proven=task.proven)
        return real(task)
    copy._performed = performed
    copy.all(1)
    print("stopped:", repr(copy.job.stopped), copy.job.report, copy.job.commands)
    assert copy.job.coverage.complete

def test_offload_refused_everywhere_yet_zeroed_before():
    s, d = thin(0, BLOCKS, set(range(128, 256))), junk(1, BLOCKS)
    copy = whole(s, d, method=Method.OFFLOAD)
    copy._p = copy._performed
    copy._performed = lambda t: judge(UNREACH, proven=t.proven) if isinstance(t, OffloadTask) else copy._p(t)
    copy.all(1)
    print("stopped:", repr(copy.job.stopped), copy.job.report)
    assert not copy.job.report.get(ZERO)

def test_auto_how_many_offloads_in_vain():
    for mapped in (set(range(256)), set(range(64, 256))):
        s, d = thin(0, BLOCKS, mapped), junk(1, BLOCKS)
        copy = whole(s, d)
        p = copy._performed
        copy._performed = lambda t, p=p: judge(UNREACH, proven=t.proven) if isinstance(t, OffloadTask) else p(t)
        copy.all(1)
        print(len(mapped), copy.job.commands, copy.job.refused)
