"""How `make handout` makes a lecturer's copy: outputs, and every cell unfolded."""

c = get_config()  # noqa: F821 (nbconvert defines it)
c.ClearMetadataPreprocessor.enabled = True
c.ClearMetadataPreprocessor.preserve_cell_metadata_mask = {"tags"}
c.ClearMetadataPreprocessor.clear_notebook_metadata = False
