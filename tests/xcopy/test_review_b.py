from tests.xcopy.thin_model import *
from tests.xcopy.test_sparse import *
def bad(copy, d): return [b for b in zeroed(copy) if any(d.data[b*BLOCK:(b+1)*BLOCK])]
def test_mended_first_zeroing_is_alone_and_a_later_reset_is_heard():
    s, d = thin(0, BLOCKS, set()), junk(1, BLOCKS, told_most=8, most=8)
    copy = whole(s, d, offload=False)
    copy.begin(); copy.end()
    assert copy.begin() and not copy.begin()
    before = bytes(d.data); copy.end(); assert copy.begin() and copy.begin()
    d.data[:] = before
    real, n = d.send, [0]
    def send(c):
        n[0] += 1
        return RESET if n[0] == 1 else real(c)
    d.send = send
    copy.all()
    assert copy.job.in_doubt
def test_liar_race_after_an_offload():
    s, d = thin(0, BLOCKS, set(range(160, 192))), junk(1, BLOCKS, granule=8, told_most=32, most=32)
    let = d._let_go
    def keep(lba, blocks):
        held = {b: bytes(d.data[b*BLOCK:(b+1)*BLOCK]) for b in (4, 32)}
        let(lba, blocks)
        for b, x in held.items(): d.data[b*BLOCK:(b+1)*BLOCK] = x
    d._let_go = keep
    copy = whole(s, d, measures=replace(SMALL, portion=1<<20, ahead=1<<20))
    copy.begin(); copy.end(); copy.begin(); t = copy.end(); assert isinstance(t, OffloadTask), t
    copy.begin(); copy.begin(); print(copy.flying)
    assert all(isinstance(t, ZeroTask) for t in copy.flying)
    copy.end(1)
    copy.all()
    print(copy.job.stopped, bad(copy, d), copy.job.report)
    assert not bad(copy, d) or copy.job.in_doubt
