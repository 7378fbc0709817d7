"""The dashboard: pages that read run folders, and start processes for all that takes time. It never imports torch."""
