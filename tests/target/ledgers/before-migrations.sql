BEGIN TRANSACTION;
CREATE TABLE boards (
	id INTEGER NOT NULL, 
	scope VARCHAR(255) NOT NULL, 
	stream VARCHAR(255) NOT NULL, 
	board_id VARCHAR(40) NOT NULL, 
	key_column VARCHAR(60), 
	other_items INTEGER, 
	PRIMARY KEY (id), 
	UNIQUE (scope, stream)
);
INSERT INTO "boards" VALUES(4,'http://127.0.0.1:1/v2','s','77','text_k',0);
CREATE TABLE budgets (
	scope VARCHAR(255) NOT NULL, 
	name VARCHAR(60) NOT NULL, 
	amount FLOAT NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (scope, name)
);
INSERT INTO "budgets" VALUES('http://127.0.0.1:1/v2','minute_points',1000000.0,4.0);
CREATE TABLE columns (
	board INTEGER NOT NULL, 
	property VARCHAR(255) NOT NULL, 
	column_id VARCHAR(60) NOT NULL, 
	PRIMARY KEY (board, property), 
	FOREIGN KEY(board) REFERENCES boards (id)
);
INSERT INTO "columns" VALUES(4,'Note','text_n');
CREATE TABLE index_reads (
	board INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (board), 
	FOREIGN KEY(board) REFERENCES boards (id)
);
INSERT INTO "index_reads" VALUES(4,8.0);
CREATE TABLE items (
	board INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	item_id VARCHAR(40) NOT NULL, 
	name TEXT NOT NULL, 
	cells BLOB NOT NULL, 
	version INTEGER, 
	PRIMARY KEY (board, "key"), 
	FOREIGN KEY(board) REFERENCES boards (id)
);
INSERT INTO "items" VALUES(4,'a','901','a',X'7B22746578745F6B223A2261222C22746578745F6E223A226F6E65227D',17);
INSERT INTO "items" VALUES(4,'b','','b',X'7B22746578745F6B223A2262227D',NULL);
CREATE TABLE leases (
	scope VARCHAR(255) NOT NULL, 
	board_id VARCHAR(40) NOT NULL, 
	run_id VARCHAR(36) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	pid INTEGER NOT NULL, 
	expires_at FLOAT NOT NULL, 
	PRIMARY KEY (scope, board_id)
);
INSERT INTO "leases" VALUES('http://127.0.0.1:1/v2','77','run-2','elsewhere',1,20.0);
CREATE TABLE operations (
	id INTEGER NOT NULL, 
	request INTEGER NOT NULL, 
	board INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	item_id VARCHAR(40), 
	name TEXT, 
	cells BLOB, 
	PRIMARY KEY (id), 
	FOREIGN KEY(request) REFERENCES requests (id), 
	FOREIGN KEY(board) REFERENCES boards (id)
);
INSERT INTO "operations" VALUES(1,1,4,'a','create',NULL,'a',X'7B22746578745F6E223A226F6E65222C22746578745F6B223A2261227D');
INSERT INTO "operations" VALUES(2,1,4,'b','create',NULL,'b',X'7B22746578745F6B223A2262227D');
INSERT INTO "operations" VALUES(3,2,4,'a','archive','901',NULL,NULL);
CREATE TABLE outcomes (
	operation INTEGER NOT NULL, 
	outcome VARCHAR(20) NOT NULL, 
	item_id VARCHAR(40), 
	code VARCHAR(60), 
	message TEXT, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (operation), 
	FOREIGN KEY(operation) REFERENCES operations (id)
);
INSERT INTO "outcomes" VALUES(1,'acknowledged','901',NULL,NULL,4.0);
INSERT INTO "outcomes" VALUES(2,'acknowledged','',NULL,NULL,4.0);
CREATE TABLE pending_cells (
	board INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	cells BLOB NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (board, "key"), 
	FOREIGN KEY(board) REFERENCES boards (id)
);
INSERT INTO "pending_cells" VALUES(4,'a',X'7B22746578745F6E223A2274776F227D',5.0);
CREATE TABLE refusals (
	reject INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	PRIMARY KEY (reject), 
	FOREIGN KEY(reject) REFERENCES rejects (id)
);
INSERT INTO "refusals" VALUES(6,'00ff');
CREATE TABLE rejects (
	id INTEGER NOT NULL, 
	run_id VARCHAR(36) NOT NULL, 
	scope VARCHAR(255) NOT NULL, 
	stream VARCHAR(255) NOT NULL, 
	"key" TEXT, 
	code VARCHAR(60) NOT NULL, 
	message TEXT NOT NULL, 
	payload BLOB NOT NULL, 
	at FLOAT NOT NULL, 
	resolved_at FLOAT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "rejects" VALUES(5,'run-1','http://127.0.0.1:1/v2','s','c','BAD_CELL','no number',X'7B224964223A2263227D',5.0,6.0);
INSERT INTO "rejects" VALUES(6,'run-1','http://127.0.0.1:1/v2','s','d','BAD_CELL','no number',X'7B224964223A2264227D',5.0,NULL);
CREATE TABLE requests (
	id INTEGER NOT NULL, 
	scope VARCHAR(255) NOT NULL, 
	run_id VARCHAR(36) NOT NULL, 
	idempotency_key VARCHAR(64) NOT NULL, 
	body BLOB NOT NULL, 
	sent_at FLOAT NOT NULL, 
	settled_at FLOAT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "requests" VALUES(1,'http://127.0.0.1:1/v2','run-1','k-1',X'7B227175657279223A2278227D',3.0,4.0);
INSERT INTO "requests" VALUES(2,'http://127.0.0.1:1/v2','run-2','k-2',X'7B227175657279223A2279227D',11.0,NULL);
CREATE TABLE run_boards (
	run_id VARCHAR(36) NOT NULL, 
	stream VARCHAR(255) NOT NULL, 
	board_id VARCHAR(40), 
	counts JSON NOT NULL, 
	PRIMARY KEY (run_id, stream), 
	FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "run_boards" VALUES('run-1','s','77','{"read": 3, "created": 2, "updated": 0, "unchanged": 0, "skipped": 0, "rejected": 1, "carried_over": 0}');
CREATE TABLE runs (
	id VARCHAR(36) NOT NULL, 
	started_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	status VARCHAR(20) NOT NULL, 
	exit_code INTEGER, 
	message TEXT, 
	calls INTEGER, 
	points INTEGER, 
	version VARCHAR(40) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('run-1',1.5,9.5,'rejects',3,'2 rows',7,70,'0.1.0');
INSERT INTO "runs" VALUES('run-2',10.0,NULL,'running',NULL,NULL,NULL,NULL,'0.1.0');
CREATE TABLE uploads (
	request INTEGER NOT NULL, 
	board INTEGER NOT NULL, 
	lane VARCHAR(10) NOT NULL, 
	job_id VARCHAR(60) NOT NULL, 
	written INTEGER, 
	PRIMARY KEY (request), 
	FOREIGN KEY(request) REFERENCES requests (id), 
	FOREIGN KEY(board) REFERENCES boards (id)
);
INSERT INTO "uploads" VALUES(1,4,'ingest','j-1',2);
CREATE INDEX requests_unsettled ON requests (scope, settled_at);
CREATE INDEX rejects_open ON rejects (scope, stream, resolved_at);
CREATE INDEX operations_by_key ON operations (board, "key");
CREATE INDEX operations_by_request ON operations (request);
COMMIT;
