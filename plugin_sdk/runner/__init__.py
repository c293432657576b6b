"""Runs an author's plugin as a process: `python -P -m plugin_sdk.runner --entry module:attribute --folder DIR`.

Claims stdin and stdout for the protocol before anything of the author is imported, then serves. Knows nothing
of what the methods mean (that is `plugin_sdk.handlers`). May import: contract, protocol and the SDK's modules.
Start reading at: __main__.py, then serve.py.
"""
