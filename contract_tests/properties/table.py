"""The properties that a server is checked for, each with a name, a sentence and a function."""

from __future__ import annotations

from contract_tests.properties.keys import accounts, secrets
from contract_tests.properties.reads import addressed, figures, filters, lists, search, shown
from contract_tests.properties.requests import addresses, documented, generated, methods, refused, refusing, wire
from contract_tests.properties.tools.recorder import Property, Recorder
from contract_tests.properties.writes import bystanders, fields, links, made, moving, records, together, values
from mock_server.spec import Operation, Spec

__all__ = ["PROPERTIES", "Property", "Recorder"]


def _any(spec: Spec, operation: Operation) -> bool:
    return True


def _effect(operation: Operation, *effects: str) -> bool:
    return operation.contract.get("effect") in effects and "key" in operation.contract


PROPERTIES = (
    Property(
        "examples",
        "A documented request gets the documented answer: to the letter, issued values by kind.",
        _any,
        documented.documented_examples,
    ),
    Property(
        "errors",
        "A documented error comes for its documented input, to the letter, and changes nothing.",
        _any,
        documented.documented_errors,
    ),
    Property(
        "refusals",
        "What the contract refuses is refused as it says, and changes nothing.",
        refused.refuses,
        refused.refused_as_said,
    ),
    Property(
        "keys",
        "A missing, a wrong and a nearly right key are refused.",
        lambda spec, operation: operation.secured,
        documented.keys_refused,
    ),
    Property(
        "valid",
        "A valid request gets an answer that the spec describes.",
        _any,
        generated.valid_accepted,
    ),
    Property(
        "invalid",
        "An invalid request is refused, as documented where a page says how, and changes nothing.",
        lambda spec, operation: (
            (operation.body_schema is not None and not operation.form) or bool(operation.parameters_in("query"))
        ),
        generated.invalid_refused,
    ),
    Property(
        "encoding",
        "A path value means the same however it is percent-encoded, and nothing where it is encoded twice.",
        lambda spec, operation: addresses.has_path_values(operation),
        addresses.encoding_is_no_matter,
    ),
    Property(
        "twin",
        "Two documented methods of one path do the same.",
        lambda spec, operation: "twin" in operation.contract,
        addresses.twins_agree,
    ),
    Property(
        "methods",
        "A method that no page documents for a path is refused, and changes nothing.",
        methods.opens_path,
        methods.undocumented_refused,
    ),
    Property(
        "read-back",
        "What was written reads back in the answer and in every documented way.",
        lambda spec, operation: _effect(operation, "create", "update"),
        records.reads_back,
    ),
    Property(
        "values",
        "Whatever the page lets a field hold is taken, and reads back as it was sent.",
        values.writes_values,
        values.values_come_back,
    ),
    Property(
        "made",
        "What the server sets by itself is what the spec says of it.",
        made.makes,
        made.made_as_said,
    ),
    Property(
        "shown",
        "An answer shows of a record what reads back, and what was sent.",
        lambda spec, operation: (
            "record" in operation.contract
            and "key" in operation.contract
            and operation.contract.get("effect") in ("create", "read", "update", "transition")
            and bool({"shows", "answers"} & set(operation.contract))
        ),
        shown.shown_as_kept,
    ),
    Property(
        "figures",
        "A figure that counts records grows by one with each record that is made.",
        figures.counts,
        figures.grows_with_each,
    ),
    Property(
        "names",
        "Each name of a record that is there leads to it: none is refused, and all show the same.",
        lambda spec, operation: _effect(operation, "read", "update") and bool(operation.contract["key"].get("aliases")),
        shown.same_by_each_name,
    ),
    Property(
        "transition",
        "A record moves from one status to the next as the contract says, and from no other.",
        lambda spec, operation: _effect(operation, "transition"),
        moving.moves_as_said,
    ),
    Property(
        "partial",
        "An update keeps what was not sent, and what can never change.",
        lambda spec, operation: (
            _effect(operation, "update") and bool({"partial", "immutable"} & set(operation.contract))
        ),
        records.keeps_the_rest,
    ),
    Property(
        "fields",
        "A field is updated alone and with any other one, reads back, and moves nothing else of any record.",
        fields.updates_fields,
        fields.alone_and_in_pairs,
    ),
    Property(
        "atomic",
        "A request with one wrong value, the first or the last, is refused as a whole, and nothing of it is kept.",
        refusing.writes_several,
        refusing.refused_as_a_whole,
    ),
    Property(
        "together",
        "Of many requests at once none is lost, nothing is made twice, and each gets its own answer.",
        together.writes_together,
        together.at_once,
    ),
    Property(
        "wire",
        "An answer is JSON in UTF-8 that every client reads alike, a refusal too, and says that it is.",
        _any,
        wire.sound_json,
    ),
    Property(
        "secrets",
        "A secret that was sent is never given back.",
        secrets.carries_secrets,
        secrets.never_given_back,
    ),
    Property(
        "filters",
        "A filter keeps exactly the rows that have its value, alone and beside another; a wider scope has them all.",
        filters.filters,
        filters.exactly_what_was_asked,
    ),
    Property(
        "search",
        "A search finds what begins as asked, as many at most, each once, and nothing that is taken.",
        search.searches,
        search.finds_what_was_asked,
    ),
    Property(
        "addressed",
        "No name leads to another record: an answer is about the one whose name was sent.",
        addressed.answers_about_a_record,
        addressed.the_one_that_was_named,
    ),
    Property(
        "clear",
        "A value that clears a field clears it, and no other.",
        lambda spec, operation: _effect(operation, "update") and bool(operation.contract.get("clears")),
        records.clears_one_field,
    ),
    Property(
        "idempotent",
        "The same request again changes nothing.",
        lambda spec, operation: records.writes(operation) and bool(operation.contract.get("idempotent")),
        records.same_again,
    ),
    Property(
        "isolation",
        "A write touches no other record of any kind, linked ones too, and nothing that another key sees.",
        lambda spec, operation: records.writes(operation),
        bystanders.others_untouched,
    ),
    Property(
        "accounts",
        "A key of another account neither sees nor changes a record.",
        accounts.reaches_made_records,
        accounts.strangers_kept_out,
    ),
    Property(
        "unique",
        "A new record is a new one, and is listed once beside the earlier ones.",
        lambda spec, operation: _effect(operation, "create") and bool(operation.contract.get("unique")),
        bystanders.new_is_new,
    ),
    Property(
        "delete",
        "A deleted record is gone in every documented way, and only that one.",
        lambda spec, operation: _effect(operation, "delete"),
        bystanders.deleted_is_gone,
    ),
    Property(
        "links",
        "What refers to a deleted record is left as its reference says.",
        lambda spec, operation: bool(links.ways(spec, operation)),
        links.settled_as_said,
    ),
    Property(
        "list",
        "A list shows each record once, in order, by filters, limits and owner; pages make the whole, in motion too.",
        lambda spec, operation: lists.lists(operation),
        lists.shows_all_once,
    ),
)
