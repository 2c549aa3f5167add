"""What is about to be checked, and what may be done there, told before anything is sent."""

from __future__ import annotations

from contract_tests.run import Run


def announcement(run: Run) -> list[str]:
    """What is about to be checked, and what may be done there: a line for each target."""
    found: dict[str, list[str]] = {}
    for provider in run.providers:
        settings, origin = run.settings, run.target(provider)
        if origin is None:
            where = f"on a mock of its own: depth {settings.depth_for(origin)}"
        else:
            allowed = settings.allowed_for(origin)
            may = "only reading is allowed" if allowed == ["read"] else f"allowed are {', '.join(allowed)}"
            if settings.numbers and "write" in allowed:
                may += f"; written is {', '.join(settings.numbers)} only, and put back"
            elif settings.is_real(origin) and "write" in allowed:
                may += "; written is only what this run makes"
            budget = settings.budget_for(origin)
            most = f"; at most {budget} requests" if budget is not None else ""
            purchases = settings.purchases_for(origin)
            if "purchase" in allowed and purchases is not None:
                most += f"{' and' if most else '; at most'} {purchases} purchase{'' if purchases == 1 else 's'}"
            most += " to each" if most and len(run.providers) > 1 else ""
            where = f"at {origin}: depth {settings.depth_for(origin)}; {may}{most}"
        found.setdefault(where, []).append(provider)
    return [f"Checking {', '.join(providers)} {where}" for where, providers in found.items()]
