"""What other servers read and send: ActivityPub, WebFinger, NodeInfo, signatures and delivery."""
