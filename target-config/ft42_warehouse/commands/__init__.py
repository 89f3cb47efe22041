"""The commands of ``warehouse``: each module is imported only where its command is called."""
