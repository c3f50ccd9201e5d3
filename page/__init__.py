"""The Gradio page: what it computes, what it shows, what it says."""
