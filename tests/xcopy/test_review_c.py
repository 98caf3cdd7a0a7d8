from tests.xcopy.thin_model import *
from tests.xcopy.test_sparse import *
from tests.xcopy.test_sparse import holds_its_word
def test_unmapped_then_check_not_answered_then_stopped():
    s, d = thin(0, BLOCKS, set(range(64,128))), junk(1, BLOCKS)
    copy = whole(s, d)
    while not any(isinstance(t, ZeroTask) for t in copy.flying):
        assert copy.begin()
        if not isinstance(copy.flying[-1], ZeroTask): copy.end()
    before = [bytes(d.data)]
    copy.silent_after = 1     # the WRITE SAME is answered, the READ is not
    b = bytes(d.data)
    copy.end()
    copy.job.stop("told to")
    copy.all()
    runs = [(p, e.state.value) for p, e in copy.job.coverage.runs()]
    print(runs, copy.job.stopped, copy.job.in_doubt)
    pending = [x for p, e in copy.job.coverage.runs(State.PENDING) for x in range(p.start, p.end)]
    assert all(d.data[x*BLOCK:(x+1)*BLOCK] == b[x*BLOCK:(x+1)*BLOCK] for x in pending)
