from tests.xcopy.thin_model import *
from tests.xcopy.test_sparse import *
from xcopy.checkpoint import Checkpoints
def test_pieces_zeroed_by_a_liar_are_not_in_the_journal():
    source, destination = thin(0, BLOCKS, {*range(32, 40)}), junk(1, BLOCKS, granule=8)
    copy = whole(source, destination); rec = []
    kept = Checkpoints(copy.job, 0.0, make_durable=lambda: True, record=rec.extend, start=lambda w, n: w())
    while copy.job.coverage.count(State.COPIED, ZERO) == 0:
        assert copy.begin(); copy.end()
    for t in range(9): kept.look(float(t))
    destination.really = 1000
    copy.all(at_once=1)
    for t in range(9, 20): kept.look(float(t))
    kept.wait(); kept.last()
    print(copy.job.in_doubt, copy.job.stopped, rec)
    assert not [r for r in rec if r[1] == ZERO]
