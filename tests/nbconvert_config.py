"""How `make notebooks` saves: nothing that differs from run to run.

It stands beside nbval_sanitize.cfg, which says what differs when runs are compared.
"""

import re

WIDGET = "application/vnd.jupyter.widget-view+json"


def leave_out_what_differs(notebook, resources):
    """Drop widgets' ids, which name no widget later, and times and rates of bars."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)  # its picture stays
            if "text" in output:
                output.text = re.sub(r"\[[\d:]+<.*?\] *", "[…]", output.text)
    return notebook, resources


c = get_config()  # noqa: F821 (nbconvert defines it)
c.ExecutePreprocessor.record_timing = False
c.ExecutePreprocessor.store_widget_state = False
c.NotebookExporter.preprocessors = [
    "nbconvert.preprocessors.CoalesceStreamsPreprocessor",
    leave_out_what_differs,
]
c.ClearMetadataPreprocessor.enabled = True
c.ClearMetadataPreprocessor.preserve_cell_metadata_mask = {"tags", "jupyter"}
c.ClearMetadataPreprocessor.preserve_nb_metadata_mask = {
    "kernelspec",
    ("language_info", "name"),
}
