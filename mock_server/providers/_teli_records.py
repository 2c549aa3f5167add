"""Teli's records, whole: what a new number, agent, organization or user holds beside what was given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

from mock_server.identifiers import epoch_x_digits, hexadecimal, uuid4
from mock_server.messages import Json
from mock_server.numbering import pretty

Record = dict[str, Any]


def complete_number(given: Mapping[str, Json], now: datetime, random: Random) -> Record:
    """A whole row of the number list; only `phone_number` must be given."""
    e164 = given["phone_number"]
    return {
        "phone_number": e164,
        "pretty_phone_number": pretty(e164),
        "id": uuid4(random),
        "area_code": e164[2:5] if e164.startswith("+1") else "",
        "phone_type": "voice",
        "provider": f"teli_{given.get('phone_type', 'voice')}",
        "user_id": "1762896366429x599348279945132448",
        "organization_id": "1762896364768x389173798861431550",
        "tenant_id": "your_tenant",
        "outbound_agent_id": None,
        "inbound_agent_id": None,
        "nickname": None,
        "location": None,
        "accessible_by": [],
        "stripe_subscription_id": None,
        "zapier": False,
        "created_at": timestamp(now),
        **given,
    }


def complete_agent(given: Mapping[str, Json], now: datetime, random: Random) -> Record:
    """A whole row of the agent list and the settings that no row shows; only `agent_name` must be given."""
    voice = given.get("agent_type", "voice") == "voice"
    return {
        "agent_id": epoch_x_digits(now, random),
        "unique_id": epoch_x_digits(now, random) if voice else None,
        "id": uuid4(random),
        "agent_name": given["agent_name"],
        "agent_type": "voice",
        "agent_status": "active",
        "greeting_prompt": None,
        "general_prompt": None,
        "follow_up_prompt": None,
        "organization_id": "1762896364768x389173798861431550",
        "created_by_user_id": "1762896366429x599348279945132448",
        "tenant_id": None,
        "visibility": "private",
        "accessible_users": [],
        "voice_agent_id": f"agent_{hexadecimal(random, 26)}" if voice else None,
        "voice_llm_id": f"llm_{hexadecimal(random, 28)}" if voice else None,
        "voice_id": "11labs-Adrian" if voice else None,
        "voice_speed": None,
        "voice_emotion": None,
        "first_sentence": None,
        "agent_accent": None,
        "agent_gender": None,
        "drip_schedule": None,
        "drip_start_datetime": None,
        "first_message_delay": None,
        "detect_voicemail": True if voice else None,
        "voicemail_content": None,
        "backchannel": None,
        "interruption_sensitivity": None,
        "ambient_sound": None,
        "instant_transfer_number": None,
        "conversation_flow_id": None,
        "is_chat_bot": False,
        "is_sms_agent": not voice,
        "is_sms_transfer_agent": False,
        "ai_agent_name": None,
        "last_modification_timestamp": timestamp(now),
        "created_at": timestamp(now),
        "modified_at": timestamp(now),
        "settings": {},
        **given,
    }


def complete_organization(given: Mapping[str, Json], now: datetime, random: Random) -> Record:
    """A whole row of the organization list; only `name` and `contact_email` must be given."""
    return {
        "unique_id": epoch_x_digits(now, random),
        "id": uuid4(random),
        "name": given["name"],
        "organization_name": given["name"],
        "tenant_id": None,
        "status": "active",
        "contact_email": given["contact_email"],
        "sms_active": False,
        "teli_sms_number": None,
        "sms_phone_number": None,
        "business_registration_id": None,
        "sms_registration_id": None,
        "sms_registration_uuid": None,
        "sms_registration_status": "not_started",
        "registration_submitted_at": None,
        "registration_approved_at": None,
        "total_sms_outbound": 0,
        "total_sms_inbound": 0,
        "total_mms_outbound": 0,
        "total_mms_inbound": 0,
        "total_voice_seconds": 0,
        "created_at": timestamp(now),
        "modified_at": timestamp(now),
        "updated_at": timestamp(now),
        **given,
    }


def complete_user(given: Mapping[str, Json], now: datetime, random: Random) -> Record:
    """A whole row of the user list; `name`, `email` and both ids of the organization must be given."""
    return {
        "unique_id": epoch_x_digits(now, random),
        "id": uuid4(random),
        "name": given["name"],
        "email": given["email"],
        "permission": "user",
        "organization_id": given["organization_id"],
        "tenant_id": None,
        "status": "active",
        "is_teli_admin": False,
        "mobile_app_enabled": False,
        "phone": None,
        "profile_image": None,
        "total_agents": 0,
        "total_campaigns": 0,
        "total_leads": 0,
        "total_sms_outbound": 0,
        "total_sms_inbound": 0,
        "total_mms_outbound": 0,
        "total_mms_inbound": 0,
        "total_voice_seconds": 0,
        "created_at": timestamp(now),
        "modified_at": timestamp(now),
        "updated_at": utc_microseconds(now),
        **given,
        "address": address(given),
    }


def address(user: Mapping[str, Json]) -> str:
    """What no two users share: an e-mail address, letter case aside, in an organization."""
    return f"{user['organization_unique_id']} {user['email'].lower()}"


def timestamp(now: datetime) -> str:
    """Naive ISO 8601 with microseconds, as the pages show: `2025-11-20T17:41:24.234773`."""
    return now.replace(tzinfo=None).isoformat(timespec="microseconds")


def utc_microseconds(now: datetime) -> str:
    """The form of a user's `updated_at`: `2025-11-20T17:41:24.234773+00:00`."""
    return now.astimezone(UTC).isoformat(timespec="microseconds")


def utc_milliseconds(now: datetime) -> str:
    """The form of `released_at`: `2026-04-22T18:11:27.014Z`."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
