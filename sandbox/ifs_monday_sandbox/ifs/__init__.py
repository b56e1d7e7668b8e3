"""Twin of IFS Cloud: its token endpoint and its OData services, over the rows of a business."""
