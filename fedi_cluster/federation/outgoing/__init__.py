"""What we tell others: from facts of the community to signed activities on the lanes of their receivers."""
