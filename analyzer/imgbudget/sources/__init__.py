"""Where images and requests come from: folders, image files, JSON documents, stdin."""
