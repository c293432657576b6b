"""The page at `/docs`: what the host can be asked, and a form to ask it. Made here, with nothing from elsewhere.

May import: nothing of the host. Start reading at: assets.py.
"""
