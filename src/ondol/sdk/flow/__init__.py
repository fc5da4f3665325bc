"""The steps that every pipeline needs: from files that land to a version that gets traffic."""
