"""The audit's report as one HTML file: views of the statistics, drawings, thumbnails, the page itself."""
