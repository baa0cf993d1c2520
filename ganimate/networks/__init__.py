"""The networks alone: ``nn.Module``s that know nothing of files, photos or commands."""
