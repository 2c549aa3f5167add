"""Every setting of a request stands in its contract, or here with the reason why nothing can be read back."""

from __future__ import annotations

from mock_server.spec import Operation, load_all

SAID = ("fields", "inside", "keeps", "along", "within", "makes")
"""The words of a contract that say what becomes of a field of the body."""

NO_ANSWER = "no page shows it in an answer"
ANOTHER_NAME = "the record shows what came of it under another name and in another form"
SECRET = "a secret, which is never given back"
CHOOSES = "chooses among the operation's kinds of request, and names no field of the record"
SENT = "is sent, and shown in no answer; `message` of the answers is the vendor's own"
NAMES_THE_GROUP = "says whose the group is, which is there before"
ADDRESSES = "says which record is meant"
PLACES_THE_CALL = "says how a call is placed; the record tells of the call, as tests/test_dials.py reads it"
NOT_READ_BACK = {
    ("interactly", "importNumber"): {"credentials": SECRET},
    ("vogent", "createPhoneNumber"): {
        "type": CHOOSES,
        "purchase": ANOTHER_NAME,
        "sipImport": ANOTHER_NAME,
        "vogentSip": ANOTHER_NAME,
    },
    ("vogent", "createAgent"): {
        "linkedFunctionDefinitionIds": ANOTHER_NAME,
    },
    ("vogent", "updateAgent"): {
        "linkedFunctionDefinitionIds": ANOTHER_NAME,
    },
    ("teli", "createVoiceCampaign"): {
        "leads": "are counted, and called: tests/test_campaigns.py reads what becomes of them"
    },
    ("teli", "createKnowledgeBase"): {"urls": ANOTHER_NAME, "texts": ANOTHER_NAME},
    ("teli", "addKnowledgeBaseSources"): {"urls": ANOTHER_NAME, "texts": ANOTHER_NAME},
    ("teli", "sendSms"): {"campaign_id": ADDRESSES, "phone_number": "is whom the message is for", "message": SENT},
    ("teli", "bulkSendSms"): {"campaign_id": ADDRESSES, "phone_numbers": ANOTHER_NAME, "message": SENT},
    ("teli", "purchaseSmsNumber"): {"area_code": "begins the number that is bought"},
    ("teli", "registerBrand"): {"nonBlocking": "says when the answer comes"},
    ("teli", "importContacts"): dict.fromkeys(("list_id", "organization_id", "user_id"), NAMES_THE_GROUP),
    ("vogent", "createBatchDialJob"): {"rows": "are listed by the queue, each under an id of its own"},
    ("vogent", "setBatchDialJobPaused"): {"paused": ANOTHER_NAME},
    ("interactly", "scheduleCalls"): {
        "data": "is called row by row: tests/test_deliveries.py receives what becomes of it"
    },
    ("interactly", "createCall"): {"metadata": NO_ANSWER},
    ("interactly", "connectCall"): {
        "phoneNumberId": PLACES_THE_CALL,
        "assistant": NO_ANSWER,
        "assistantOverrides": NO_ANSWER,
        "metadata": NO_ANSWER,
    },
    ("interactly", "createTool"): {"server": "may hold a secret, and is forgotten"},
    ("interactly", "queryKnowledgeBase"): dict.fromkeys(
        ("model", "prompt", "messages", "temperature", "seed", "stream"), "is for a model, of which there is none"
    ),
    ("interactly", "createWorkflowWebhook"): {"bearer_token": SECRET},
    ("interactly", "startWorkflowRun"): {"command": "says what is to be done, and nothing runs"},
    ("uponai", "initiateCall"): {
        "fromNumber": PLACES_THE_CALL,
        "toNumber": PLACES_THE_CALL,
        "overrideAgentVersion": ANOTHER_NAME,
        "agentOverride": NO_ANSWER,
        "customSipHeaders": NO_ANSWER,
        "customerName": "is shown by the call history alone",
        "ignoreE164Validation": NO_ANSWER,
        "trunkName": NO_ANSWER,
    },
    ("uponai", "createWebCall"): {"agentVersion": PLACES_THE_CALL},
    ("uponai", "continueChat"): {"content": "is one more of the messages"},
    ("vogent", "createDial"): {
        "callAgentId": PLACES_THE_CALL,
        "fromNumberId": PLACES_THE_CALL,
        "fromNumberPoolId": PLACES_THE_CALL,
        "browserCall": PLACES_THE_CALL,
        "aiVoiceId": ANOTHER_NAME,
        "callAgentInput": ANOTHER_NAME,
        "agentOverrides": NO_ANSWER,
        "callAgentExtractorId": NO_ANSWER,
        "ivrVersionedPromptId": NO_ANSWER,
        "keywords": NO_ANSWER,
        "overrideTranscriberFinalDurationMs": NO_ANSWER,
        "timeoutMinutes": NO_ANSWER,
        "versionedModelId": NO_ANSWER,
        "voiceOptionValues": NO_ANSWER,
        "voiceVolumeLevel": NO_ANSWER,
        "webhookUrl": NO_ANSWER,
    },
}


def _unnamed(operation: Operation) -> set[str]:
    body = set((operation.body_schema or {}).get("properties") or {})
    return body - {name for word in SAID for name in operation.contract.get(word) or ()}


def test_a_setting_that_no_contract_names_stands_here_with_its_reason() -> None:
    found = {
        (provider, operation.id): _unnamed(operation)
        for provider, spec in load_all().items()
        for operation in spec.operations.values()
        if operation.contract.get("effect") in ("create", "update") and _unnamed(operation)
    }
    # An account and a workspace that a request names are `within`, or address the record beside its key.
    addressing = {("uponai", "updatePhoneNumberAssignment"): {"accountSid", "workspaceId"}}
    assert found == {key: set(fields) for key, fields in NOT_READ_BACK.items()} | addressing


def test_what_no_page_shows_in_an_answer_is_in_no_schema_of_one() -> None:
    for (provider, name), fields in NOT_READ_BACK.items():
        operation = load_all()[provider].operations[name]
        shown = {
            field
            for response in operation.responses.values()
            if response.status < 300
            for field in (response.schema or {}).get("properties") or {}
        }
        silent = {field for field, reason in fields.items() if reason in (NO_ANSWER, SECRET)}
        assert not silent & shown, f"{name} shows {silent & shown}"
