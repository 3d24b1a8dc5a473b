"""The term sheet: typed values (`sheet`) and strict readers of its JSON form (`reading`, `market`)."""
