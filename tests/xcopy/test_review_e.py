from tests.xcopy.thin_model import *
from tests.xcopy.test_sparse import *
import pytest
def zap(d, *lbas):
    for b in lbas: d.data[b*BLOCK:(b+1)*BLOCK] = bytes(BLOCK)
@pytest.mark.parametrize("really", [1000, 24])
def test_old_data_beside_blocks_that_were_zeros_before(really):
    """an old file system has zeros here and there: three blocks that were zeros before prove nothing"""
    s, d = thin(0, BLOCKS, set()), junk(1, BLOCKS, granule=8, really=really)
    copy = copy_of([s], [d], [Range(0, 200, 8)], offload=False, measures=replace(SMALL, portion=1<<20, ahead=1<<20))
    zap(d, 8, 108, 207)      # first, middle, last of the one stretch
    copy.all()
    bad = [b for b in zeroed(copy) if any(d.data[(b+8)*BLOCK:(b+9)*BLOCK])]
    print(d.sent, copy.job.stopped, copy.job.report, copy.job.coverage.complete, len(bad))
    assert not bad
