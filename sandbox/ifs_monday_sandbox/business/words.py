"""The words that the business is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from random import Random

__all__ = [
    "BUYERS",
    "COORDINATORS",
    "CUSTOMERS",
    "EMAIL_NAMES",
    "SUPPLIER_KINDS",
    "SUPPLIER_NAMES",
    "TOWNS",
    "Town",
    "long_note",
    "note",
]


class Town(NamedTuple):
    """A place, with the country and currency that its firms have."""

    city: str
    zip_code: str
    country: str
    currency: str
    form: str
    dialling: str


TOWNS: Final = (
    Town("Göteborg", "411 05", "SE", "SEK", "AB", "+46 31"),
    Town("Västerås", "721 30", "SE", "SEK", "AB", "+46 21"),
    Town("Luleå", "972 31", "SE", "SEK", "AB", "+46 920"),
    Town("Malmö", "211 20", "SE", "SEK", "AB", "+46 40"),
    Town("Köln", "50667", "DE", "EUR", "GmbH", "+49 221"),
    Town("Nürnberg", "90402", "DE", "EUR", "GmbH & Co. KG", "+49 911"),
    Town("Großröhrsdorf", "01900", "DE", "EUR", "GmbH", "+49 35952"),
    Town("Łódź", "90-001", "PL", "PLN", "Sp. z o.o.", "+48 42"),
    Town("Wrocław", "50-101", "PL", "PLN", "S.A.", "+48 71"),
    Town("Milwaukee", "53202", "US", "USD", "Inc.", "+1 414"),
    Town("Cleveland", "44114", "US", "USD", "LLC", "+1 216"),
    Town("Saint-Étienne", "42000", "FR", "EUR", "S.A.S.", "+33 4"),
    Town("Sheffield", "S1 2HH", "GB", "GBP", "Ltd", "+44 114"),
    Town("宁波", "315000", "CN", "CNY", "有限公司", "+86 574"),
)

SUPPLIER_NAMES: Final = (
    "Ahlström", "Björkman", "Brandt", "Delacroix", "Eisenhauer", "Fjällberg", "Grünwald",
    "Hultgren", "Jędrzejczak", "Kowalski", "Lindqvist", "Müller", "Nordström", "O'Connell",
    "Østergaard", "Pettersson", "Quist", "Rößler", "Straßer", "Tannenbaum", "Underwood",
    "Vandenberg", "Wójcik", "Yilmaz", "Zetterlund", "东海精密", "Blackwood", "Carlisle",
    "Dombrowski", "Ekström",
)  # fmt: skip

SUPPLIER_KINDS: Final = (
    "Bearings", "Castings", "Chemie", "Elektronik", "Fasteners", "Gießerei", "Hydraulik",
    "Lager", "Logistics", "Metallbau", "Packaging", "Precision Parts", "Seals & Gaskets",
    "Steel", "Tooling", "Werkzeuge",
)  # fmt: skip

CUSTOMERS: Final = (
    "Alpine Lift Systems", "Baltic Shipyards", "Bergström Gruv", "Cascade Paper", "Dnipro Agro",
    "Elbe Windkraft", "Fjord Seafood", "Great Lakes Mining", "Hansa Förderanlagen",
    "Iron Range Quarries", "Jönköping Sågverk", "Kraków Tramways", "Lakeside Breweries",
    "Mälardalen Energi", "Nordsee Offshore", "Ostrava Steelworks", "Prairie Grain Elevators",
    "Rhein-Main Verkehr", "Skåne Livsmedel", "Trondheim Subsea", "Ullånger Kraft",
    "Wälzlager Süd", "深圳机电", "Zürich Aufzüge",
)  # fmt: skip

BUYERS: Final = {
    "ALINDH": "Anna Lindh", "BMEYER": "Bernd Meyer", "CSMITH": "Carol Smith",
    "DKOWAL": "Dorota Kowalska", "EÖBERG": "Erik Öberg",
}  # fmt: skip

COORDINATORS: Final = ("Frida Ek", "Günter Voß", "Helen O'Brien", "Ivan Petrov", "Jaroslava Nová")

EMAIL_NAMES: Final = ("orders", "info", "invoicing", "sales", "kontakt")

_NOTES: Final = (
    "Deliver to gate 4, call 30 minutes before arrival.",
    "Price agreed by phone; see mail of the buyer.",
    "Teillieferung möglich, bitte vorab avisieren.",
    "Partial delivery accepted.",
    'Customer asks for certificate "3.1" per EN 10204.',
    "Leverans måste ske före vecka 48.",
    "Invoice differs from the order by freight; checked.",
    "Replaces the order that was cancelled in spring.",
    "100 % inspection on receipt; samples to the lab.",
    "Części zamienne dla linii 3 (pilne).",
)

_CLAUSES: Final = (
    "The supplier confirms that the goods comply with the drawing revision stated on the line.",
    'Marking: "FRAGILE", order number and gross weight on two sides of each crate.',
    "Bei Verzug von mehr als fünf Werktagen gilt die vereinbarte Vertragsstrafe.",
    "Certificates go to quality@northfield.example before shipment; without them no receipt.",
    "Payment terms run from receipt of goods, not from the date of the invoice.",
    "Godset ska vara fritt från rost; emballaget ska tåla lagring utomhus i 30 dagar.",
    "Open points: tolerance of the bore (H7?), colour of the housing, spare seals.",
    "Change log:\n\t1) quantity raised from 40 to 48\n\t2) second shipment by road",
)


def note(rng: Random) -> str | None:
    """A remark in one sentence, or none."""
    return rng.choice(_NOTES) if rng.randrange(3) == 0 else None


def long_note(rng: Random) -> str:
    """A note of 300 to 1,900 characters in several lines, with quotes."""
    length = rng.randrange(300, 1850)
    lines = [rng.choice(_CLAUSES)]
    while sum(map(len, lines)) + len(lines) < length:
        lines.append(rng.choice(_CLAUSES))
    return "\n".join(lines)[:1900].rstrip()
