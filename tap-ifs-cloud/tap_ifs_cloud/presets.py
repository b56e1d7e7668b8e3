"""The entity sets that a finance or purchasing board is made of, by the names IFS mostly uses.

Names differ between releases and tenants, so a preset is only a proposal: it is looked up in the
tenant's own `$metadata`, and one that is not there is reported and left out.
"""

from __future__ import annotations

from typing import Final

from tap_ifs_cloud.definition import StreamDefinition

__all__ = ["PRESETS"]


def _preset(name: str, projection: str, entity_set: str) -> StreamDefinition:
    return StreamDefinition(name=name, entity_set=entity_set, projection=projection)


# Reference data first, so that rows which point at it find it.
PRESETS: Final[tuple[StreamDefinition, ...]] = (
    _preset("supplier", "SupplierHandling", "SupplierSet"),
    _preset("account", "AccountsHandling", "AccountSet"),
    _preset("code_part_value", "CodePartValuesHandling", "CodePartValueSet"),
    _preset("purchase_order", "PurchaseOrderHandling", "PurchaseOrderSet"),
    _preset("posting_proposal_head", "PostingProposalHandling", "PostingProposalHeadSet"),
    _preset("voucher", "VouchersHandling", "VoucherSet"),
    _preset("voucher_row", "VoucherRowsAnalysis", "VoucherRowSet"),
    _preset("customer_order", "CustomerOrderHandling", "CustomerOrderSet"),
)
