"""The paper's ablations in miniature: what is run, how one run goes, what is measured, how it is shown. Command:
`finetune/ablate.py`."""
