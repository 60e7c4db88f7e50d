"""How `make handout` makes a student's copy: stubs and checks, nothing else."""

c = get_config()  # noqa: F821 (nbconvert defines it)
c.TagRemovePreprocessor.enabled = True
c.TagRemovePreprocessor.remove_cell_tags = {"solution"}
c.ClearOutputPreprocessor.enabled = True
