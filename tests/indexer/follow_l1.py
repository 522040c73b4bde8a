"""An indexer of L1 alone in a process of its own, for tests that kill it.

follow_l1.py RPC ROLLUP START_BLOCK GENESIS DATABASE LAST_BATCH
"""

import sys
from pathlib import Path

from miletus.indexer.chain import ChainFollower
from miletus.indexer.database import open_database
from miletus.indexer.indexer import Indexer
from miletus.settlement.chain import ChainView
from miletus.settlement.genesis import Genesis
from miletus.settlement.l1 import Rollup, Vault
from miletus.settlement.node import MOVED_TIME, L1Node

if __name__ == "__main__":
    rpc, address, start, genesis, database, last = sys.argv[1:]
    node = L1Node.connect(rpc, MOVED_TIME)
    rollup = Rollup(node, address)
    view = ChainView(rollup, Vault(node, rollup.vault), int(start))
    indexer = Indexer(
        open_database(database), Genesis.load(Path(genesis)), node.get_chain_id(), rollup.address
    )
    print("ready", flush=True)
    follower = ChainFollower(indexer, view)
    while follower.noted < int(last):
        follower.follow_alone(limit=1)
        print(indexer.last_batch, flush=True)
