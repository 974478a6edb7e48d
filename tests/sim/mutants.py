#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Break the protocol in one place after another, and show within how many seeds the simulation sees it.

usage: mutants.py [--seeds N] [--fit] [NAME...]

Each mutation is applied to a copy of the tree, which is built and run; the table it prints is that of
README.md, which names those that never were found. Fails when one is not found. --fit: only look whether
the tree still has what they change.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 900

# name: (what it does, file, [(text, instead)...])
MUTANTS = {
    "barrier": (
        "no barrier: readiness does not wait for open transactions",
        "src/core/partition.c",
        [("if (stable == MEMBER_STABLE)", "if (stable != MEMBER_STABLE_UNKNOWN)")]),
    "early_answer": (
        "a retry is answered when it is submitted, not when it is committed",
        "src/core/batcher.c",
        [("                o->attempts++;\n",
          "                o->attempts++;\n"
          "                if (o->kind == OUTGOING_RETRY)\n"
          "                        retry_flow_on_committed(&b->member->flow, o);\n")]),
    "overlay_hides": (
        "a committed retry is listed until it is read back",
        "src/core/overlay.c",
        [("return o != NULL && outgoing_state(o) == OUTGOING_COMMITTED && is_live(m, o);", "return false && o;")]),
    "overlay_joins": (
        "a second retry does not join the one in flight",
        "src/core/retry_flow.c",
        [("        o = overlay_find_hash(m, &entry->id, w->waiters[i].hash);\n", "        o = NULL;\n")]),
    "proof": (
        "a member answers for what it has, without a proof that it is its own",
        "src/core/member_group.c",
        [("(!member_has_group(m) ||", "(true || !member_has_group(m) ||")]),
    "registry_renews": (
        "a registry that names us makes a proof of one that has run out",
        "src/core/member_group.c",
        [("if (!member_answers_for(m, rows[i].partition))",
          "if (!member_partition_is_ready(m, rows[i].partition))")]),
    "registry_time": (
        "what the registry says counts from its answer, not from its question",
        "src/core/member_group.c",
        [("partition_prove(&m->partitions[rows[i].partition], asked_ms);",
          "partition_prove(&m->partitions[rows[i].partition], asked_ms > 0 ? m->now_ms : 0);")]),
    "proof_of_refused": (
        "a transaction that was refused proves as much as one that was committed",
        "src/core/batch_outcome.c",
        [("if (publish->outcome != PUBLISH_COMMITTED || publish->n_offsets == 0)",
          "if (publish->n_offsets == 0)")]),
    "proof_time": (
        "a transaction proves from its end, not from its beginning",
        "src/core/batch_outcome.c",
        [("member_prove(m, batch->lives, batch->sent_ms);",
          "member_prove(m, batch->lives, m->now_ms);")]),
    "early_watermark": (
        "the high watermark is read before the barrier",
        "src/core/partition.c",
        [("        p->records = 0;\n", "        p->records = 0;\n        partition_want_watermark(p);\n"),
         ("                p->target_ticket = partition_want_watermark(p);\n",
          "                p->target = p->watermark, p->target_ticket = p->watermark >= 0;\n"),
         ("void partition_restore(",
          "uint64_t partition_want_watermark(struct partition *p);\nvoid partition_restore(")]),
    "ready_early": (
        "a partition is ready one record before its target",
        "src/core/partition.c",
        [("p->target < 0 || p->position < p->target)", "p->target < 0 || p->position + 1 < p->target)")]),
    "stale_barrier": (
        "an answer of the barrier about an earlier life counts",
        "src/core/partition.c",
        [("        p->stable_stale = p->stable_asked;\n", "        p->stable_stale = false;\n")]),
    "stale_watermark": (
        "a high watermark that was asked for in an earlier life counts",
        "src/core/partition.c",
        [("        p->watermark_stale = p->watermark_out;\n", "        p->watermark_stale = false;\n"),
         ("        if (p->watermark_out || (!wanted && !due) ||", "        if ((p->watermark_out && !p->target_ticket) || (!wanted && !due) ||")]),
    "without_again": (
        "a member whose answer was lost is asked as if for the first time",
        "src/core/door_part.c",
        [("                .again = part->again,\n", "")]),
    "lost_is_failed": (
        "a retry whose answer was lost is told as not published",
        "src/core/door_part.c",
        [("part->call.result == PEER_LOST;\n        bool may_ask_same", "false;\n        bool may_ask_same")]),
    "failed_again": (
        "what fails when it is asked again is told as not published",
        "src/core/door_part.c",
        [("for (size_t i = 0; part->again && i < part->n; i++)",
          "for (size_t i = 0; false && i < part->n; i++)")]),
    "late_question": (
        "a question that was overtaken by its repetition publishes again",
        "src/core/retry_flow.c",
        [("return req->again || !req->has_idempotency_key;", "return req->again;")]),
    "restoring_is_known": (
        "a member tells another one of partitions that it has not restored",
        "src/core/door_peers.c",
        [("if (partition_set_has(only, p) && !member_answers_for(m, p))",
          "if (partition_set_has(only, p) && n_partitions < 0)")]),
    "known_below": (
        "a page of another member counts as all that it has",
        "src/core/door_list.c",
        [("if (answer->call.known_below < *ret_end)", "if (answer->call.known_below < 1)")]),
    "asked_twice": (
        "an owner is asked again for what it has told",
        "src/core/door_get.c",
        [(" ||\n                            door_work_answer(&w->door, q, 0) != NULL)", ")")]),
    "unknown_is_failed": (
        "an unknown outcome is told as not published",
        "src/core/overlay.c",
        [("        else\n"
          "                outgoing_list_append(&m->partitions[outgoing_watched(o)].waiting->undecided, o);\n",
          "        else\n"
          "                outgoing_list_append(&m->partitions[outgoing_watched(o)].waiting->undecided, o);\n"
          "        if (o->kind == OUTGOING_RETRY)\n"
          "                retry_flow_on_failed(&m->flow, o, &(struct error){ ERR_UNAVAILABLE, \"\" });\n")]),
    "unknown_not_waited": (
        "an unknown outcome is decided without a high watermark",
        "src/core/overlay.c",
        [("        if (o->offset < 0 && o->ticket != 0 && p->watermark_granted >= o->ticket)\n"
          "                o->offset = p->watermark;\n",
          "        if (o->offset < 0 && o->ticket != 0)\n                o->offset = 0;\n")]),
    "void_settlement": (
        "a settlement counts although a newer record came before it",
        "src/core/application.c",
        [("a->newest.offset > a->record->settles;", "a->newest.offset > a->record->settles + LIMIT_OFFSET;")]),
    "no_merge": (
        "a failed retry does not keep what its record lacks",
        "src/core/apply.c",
        [("f.unsettled = merge(a, &f);", "f.unsettled = a->known && !a->known && merge(a, &f);")]),
    "no_offsets": (
        "a retry's transaction does not hold the offset of its partition",
        "src/core/batcher.c",
        [("if (partition_set_has(&touched, p) ||", "if ((p < 0 && partition_set_has(&touched, p)) ||")]),
    "batch_survives": (
        "what was encoded for a partition that leaves is submitted with the next generation",
        "src/core/member_lives.c",
        [("        batcher_invalidate(&m->batcher);\n", "")]),
    "unchecked_home": (
        "a retry is begun in a partition that has left since the request was placed",
        "src/core/retry_flow.c",
        [("if (!member_answers_for(m, w->waiters[i].home)) {",
          "if (w->waiters[i].home < 0) {")]),
    "not_claimed": (
        "an owner does not say that it is one",
        "src/core/member_group.c",
        [("(!m->partitions[i].claimed || !member_answers_for(m, i))", "!member_answers_for(m, i)")]),
    "refused_whole": (
        "a request that a member refused as a whole is told as left out when it has duplicates",
        "src/core/peer_answer.c",
        [("entries[i].result != RETRY_WAITING && entries[i].result != RETRY_SKIPPED",
          "entries[i].result != RETRY_WAITING")]),
    "split_anew": (
        "a request that is split anew keeps what the first splitting left out",
        "src/core/door_retry.c",
        [("                s->req->entries[i].result = RETRY_WAITING;\n",
          "                s->req->entries[i].force |= false;\n")]),
    "coverage_of_part": (
        "what our part of a request lacks is not named in its Coverage",
        "src/core/door_part.c",
        [("if (partition_set_has(&flow->coverage.missing, p))", "if (p < 0)")]),
    "not_mine_is_lost": (
        "a member that does not own one partition that it is asked for counts as lost for all of them",
        "src/core/door_peers.c",
        [("if (!ask->is_over || is_asked_again(w, ask))", "if (!ask->is_over || (is_asked_again(w, ask) && false))")]),
    "silence_stays": (
        "a probe that is answered does not end the silence",
        "src/core/silence.c",
        [("        silence_on_result(s, call);\n}\n", "        if (call->is_silent)\n                silence_on_result(s, call);\n}\n")]),
    "lookup_order": (
        "a lookup's rows of other members stand behind all of ours",
        "src/core/door_get.c",
        [("if (walk->theirs != NULL)", "if (walk->theirs != NULL && walk->req == NULL)")]),
    "intake_unknown_again": (
        "a transaction of the intake of unknown outcome is done again, as one that was aborted",
        "src/core/intake.c",
        [("                on_unknown(in, batch);\n",
          "                on_aborted(in, batch);\n")]),
    "intake_unknown_done": (
        "a transaction of the intake of unknown outcome counts as committed",
        "src/core/intake.c",
        [("                on_unknown(in, batch);\n",
          "                end_head(in, INTAKE_DONE);\n")]),
    "intake_behind": (
        "batches behind one that is read again are worked on",
        "src/core/intake.c",
        [("return in->has_rewound && (int)(batch->epoch - in->rewound) <= 0;",
          "return in->has_rewound && batch == in->head && in->state == PUBLISHING;")]),
    "intake_later": (
        "batches that come behind one that is read again, later, are worked on",
        "src/core/intake.c",
        [("        while (in->head != NULL && in->state == IDLE && is_read_again(in, in->head))\n"
          "                end_head(in, INTAKE_REWIND);\n", "")]),
}


def copy_tree(to):
    for name in ("include", "src", "tests", "meson.build", "meson_options.txt", "config", "deploy"):
        at = ROOT / name
        if at.is_dir():
            shutil.copytree(at, to / name, ignore=shutil.ignore_patterns("corpus", "__pycache__"))
        elif at.exists():
            shutil.copy(at, to / name)
    shutil.copytree(ROOT / "tests/fuzz/corpus", to / "tests/fuzz/corpus")


def build(tree):
    done = subprocess.run(["ninja", "-C", tree / "build", "-j2", "tests/sim/sim"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout[-3000:])


def world_of(name):
    return ["--intake"] if name.startswith("intake_") else []


def first_finding(tree, seeds, world):
    """(number of the seed, what it says), or None."""
    said = subprocess.run([tree / "build/tests/sim/sim", "--seeds", f"1..{seeds}", *world],
                          capture_output=True, text=True, timeout=SECONDS)
    if said.returncode == 0:
        return None
    found = re.search(r"^seed (\d+)(?:: (.*)| ends the process)", said.stdout, re.MULTILINE)
    text = found[2] or (said.stderr.strip().splitlines() or ["the process ends"])[-1]
    return int(found[1]), re.sub(r"^.*?: (Assertion .*)", r"\1", text)


def mutated(tree, name):
    """The text of its file."""
    _, file, changes = MUTANTS[name]
    text = (tree / file).read_text()
    for old, new in changes:
        if text.count(old) != 1:
            sys.exit(f"{name}: {text.count(old)} times in {file}: {old!r}")
        text = text.replace(old, new)
    return text


def judge(tree, name, seeds):
    what, file, _ = MUTANTS[name]
    original = (tree / file).read_text()
    (tree / file).write_text(mutated(tree, name))
    build(tree)
    finding = first_finding(tree, seeds, world_of(name))
    (tree / file).write_text(original)
    seed, text = finding or ("none", f"not found in {seeds} seeds")
    print(f"| {name} | {what} | {seed} | {text} |", flush=True)
    return finding is not None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    names = options.names or list(MUTANTS)
    if options.fit:
        for name in names:
            mutated(ROOT, name)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        copy_tree(tree)
        subprocess.run(["meson", "setup", "--buildtype=release", tree / "build", tree],
                       check=True, stdout=subprocess.DEVNULL)
        build(tree)
        for world in {tuple(world_of(name)) for name in names}:
            if first_finding(tree, options.seeds, world) is not None:
                sys.exit("the tree itself is not clean")
        print("| mutant | what it does | first seed | what it says |\n|---|---|---|---|")
        found = [judge(tree, name, options.seeds) for name in names]
    print(f"{sum(found)} of {len(found)} found")
    return not all(found)


if __name__ == "__main__":
    sys.exit(main())
