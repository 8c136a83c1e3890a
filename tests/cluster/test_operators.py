"""What an operator does with files while nodes run, and to let a cluster forget."""

import json

import trio
from click.testing import CliRunner

from engine.cli import main
from storage import FILE_NAME, SqliteJournal
from storage.jetstream import JetStreamJournal
from tests.cluster.nodes import cluster, event_of
from transport.cluster.nats import Nats


async def run(*arguments: str):
    result = await trio.to_thread.run_sync(lambda: CliRunner().invoke(main, list(arguments)))
    assert result.exit_code == 0, result.output
    return result


async def test_any_nodes_folder_is_backed_up_and_exported_and_a_cluster_forgets(nats, tmp_path):
    async with cluster(nats.url, tmp_path, 2) as nodes:
        await nodes.load()
        one, two = nodes.nodes
        async with one.client("hana", sessions=frozenset({"ux"})) as hana:
            await hana.call("session.join", session="ux")
            await hana.call("session.start", session="ux")
            async with two.client("ana") as ana:
                await ana.call("session.join", session="ux")
                await ana.call("chat.send", topic="session/ux", text="my secret")
            await event_of(hana, "chat.posted")
            # What is asked of a node's copy waits for what was committed before.
            await hana.call("chat.send", topic="session/ux", text="the newest")
            for node in nodes.nodes:
                archive = node.node.engine.services.archive
                newest, *_ = await archive.chat_history("session/ux", None, 1)
                assert newest["text"] == "the newest"
        for node in nodes.nodes:
            assert await node.node.engine.store.archive.catch_up()
        # Both folders hold everything, whichever node owns it, also while the nodes run.
        for number, _ in enumerate(nodes.nodes):
            folder = str(tmp_path / f"node{number}")
            told = await run("export", "--data", folder, "--format", "json", "chat_messages")
            assert [row["text"] for row in json.loads(told.stdout)] == ["my secret", "the newest"]
        backup = tmp_path / "backup" / FILE_NAME
        backup.parent.mkdir()
        await run("backup", "--data", str(tmp_path / "node1"), str(backup))
    # The nodes are stopped. The copy forgets, and becomes the journal of a cluster's next name.
    await run("forget", "--data", str(backup.parent), "--person", "ana", "--yes")
    await run("migrate", "--from", str(backup), "--to", nats.url, "--name", "next")
    async with Nats.open([nats.url]) as connection:
        journal = await JetStreamJournal.open(connection, "next")
        kept = await journal.read("session/ux")
        async with SqliteJournal.open(backup) as file:
            assert kept == await file.read("session/ux")
    assert any(entry.type == "chat.posted" for entry in kept)
    assert "my secret" not in str(kept)
