from __future__ import annotations
from tests.xcopy.thin_model import *
from tests.xcopy.test_sparse import *
from xcopy.zeroing import Way

def test_reset_between_two_stretches_of_the_first_task():
    s, d = thin(0, BLOCKS, set()), junk(1, BLOCKS, granule=24)
    copy = whole(s, d, offload=False)
    before = bytes(d.data); n = [0]
    real = d.send
    def send(c):
        n[0] += 1
        print(n[0], c.name, c.cdb.hex())
        if n[0] == 2:      # power loss: volatile cache (first command) lost, told by the next command
            d.data[:] = before
            return RESET
        return real(c)
    # range not aligned: head by SAME, then UNMAP
    copy = copy_of([s], [d], [Range(0, 60, 10)], offload=False)
    d.send = send
    copy.all(1)
    bad = [b for b in zeroed(copy) if any(d.data[(b+10)*BLOCK:(b+11)*BLOCK])]
    print("stopped", repr(copy.job.stopped), "bad", bad)
    assert not bad or copy.job.in_doubt

def test_reset_heard_by_first_task_others_done():
    s, d = thin(0, BLOCKS, set()), junk(1, BLOCKS, told_most=8, most=8)
    copy = whole(s, d, offload=False)
    copy.begin(); copy.end()     # look
    for _ in range(3): copy.begin()
    assert all(isinstance(t, ZeroTask) for t in copy.flying), copy.flying
    before = bytes(d.data)
    copy.end(2); copy.end(1)      # done, acknowledged
    d.data[:] = before           # power loss
    real, n = d.send, [0]
    def send(c):
        n[0] += 1
        return RESET if n[0] == 1 else real(c)
    d.send = send
    copy.all()
    bad = [b for b in zeroed(copy) if any(d.data[b*BLOCK:(b+1)*BLOCK])]
    print("stopped", repr(copy.job.stopped), "bad", len(bad), "complete", copy.job.coverage.complete)
    assert not bad or copy.job.in_doubt

def test_liar_found_by_one_task_while_another_believed():
    # granule told 8; every granule with (n%8)==1 keeps data unless command... : blocks 3..5 of a stretch, not its ends/middle
    s, d = thin(0, BLOCKS, set()), junk(1, BLOCKS, granule=8, told_most=32, most=32)
    let = d._let_go
    def keep(lba, blocks):
        held = {b: bytes(d.data[b*BLOCK:(b+1)*BLOCK]) for b in range(d.blocks) if b % 32 in (4,) or b == 33-1}
        let(lba, blocks)
        for b, x in held.items(): d.data[b*BLOCK:(b+1)*BLOCK] = x
    d._let_go = keep
    copy = whole(s, d, offload=False)
    copy.begin(); copy.end()
    copy.begin(); copy.begin()
    print(copy.flying)
    copy.end(1)   # second stretch: its first block keeps its data: lied
    copy.all()
    bad = [b for b in zeroed(copy) if any(d.data[b*BLOCK:(b+1)*BLOCK])]
    print("stopped", repr(copy.job.stopped), "bad", bad, copy.job.in_doubt)
    assert not bad or copy.job.in_doubt
