-- The store that newapi 0.1.0 wrote; `.dump` of SQLite. Never to be changed.
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        is_named INTEGER NOT NULL,
        profile TEXT NOT NULL,
        host TEXT NOT NULL,
        model TEXT NOT NULL,
        system TEXT NOT NULL,
        left_out INTEGER NOT NULL,
        leaf_id INTEGER,
        turns INTEGER NOT NULL,
        created_at REAL NOT NULL,
        used_at REAL NOT NULL,
        use_number INTEGER NOT NULL
    );
INSERT INTO "sessions" VALUES('1c52c1dd497f','the first one',1,'default','http://127.0.0.1:8765','demo','',0,1,1,1.79606278594560790067e+09,1.79606278594560790067e+09,2);
INSERT INTO "sessions" VALUES('0782cba5d9f3','taxes',1,'default','http://127.0.0.1:8765','demo-echo','Answer in one sentence.',0,3,2,1.79606278630203604696e+09,1.7960627865528259277e+09,5);
INSERT INTO "sessions" VALUES('891e21732266','write some code',0,'default','http://127.0.0.1:8765','demo','',0,4,1,1.7960627867573969364e+09,1.7960627867573969364e+09,7);
INSERT INTO "sessions" VALUES('9ea401c06c21','what is this?',0,'default','http://127.0.0.1:8765','demo-echo','',0,5,1,1.79606278701831603055e+09,1.79606278701831603055e+09,9);
INSERT INTO "sessions" VALUES('de7aad79ee08','think first',0,'default','http://127.0.0.1:8765','demo-reasoning','',0,6,1,1.79606278731535911555e+09,1.79606278731535911555e+09,11);
INSERT INTO "sessions" VALUES('8aab6f03774e','think inside the text',0,'default','http://127.0.0.1:8765','demo-think','',0,7,1,1796062787.80641,1796062787.80641,13);
INSERT INTO "sessions" VALUES('7ec423b8f021','a table, from the second model',0,'default','http://127.0.0.1:8765','demo-500','',0,8,1,1796062788.2715,1796062788.2715,15);
INSERT INTO "sessions" VALUES('2cbc63de308e','hello, with a price in tiers',0,'default','http://127.0.0.1:8765','demo-tiered','',0,9,1,1.79606278886755895609e+09,1.79606278886755895609e+09,17);
INSERT INTO "sessions" VALUES('b8820f64dfdc','hello, for a cent',0,'default','http://127.0.0.1:8765','demo-per-call','',0,10,1,1.79606278934967398641e+09,1.79606278934967398641e+09,19);
INSERT INTO "sessions" VALUES('64ad51a16308','an error in the middle',0,'default','http://127.0.0.1:8765','demo-error-in-stream','',0,11,1,1796062789.95086,1796062789.95086,21);
INSERT INTO "sessions" VALUES('9d3e7aae658d','the connection breaks',0,'default','http://127.0.0.1:8765','demo-cut','',0,12,1,1.79606279040060901638e+09,1.79606279040060901638e+09,23);
INSERT INTO "sessions" VALUES('614dac816642','no finish reason',0,'default','http://127.0.0.1:8765','demo-no-finish','',0,13,1,1796062790.88267,1796062790.88267,25);
INSERT INTO "sessions" VALUES('6db12265b9a3','a filter',0,'default','http://127.0.0.1:8765','demo-echo','',0,15,2,1.79606279137783503537e+09,1.79606279191241788861e+09,28);
INSERT INTO "sessions" VALUES('93a107322b6e','the account is used up',0,'default','http://127.0.0.1:8765','demo-quota','',0,16,1,1.79606279238225388528e+09,1.79606279238225388528e+09,30);
INSERT INTO "sessions" VALUES('f2262d5bd95b','hello from work',0,'work','http://localhost:8765','demo-vip','用中文回答。',0,17,1,1.79606279283464097978e+09,1.79606279283464097978e+09,32);
INSERT INTO "sessions" VALUES('0ceb6f4d8d27','work notes',1,'work','http://localhost:8765','demo','用中文回答。',0,19,2,1.79606279342759299279e+09,1.7960627939297680854e+09,35);
INSERT INTO "sessions" VALUES('c2ec04ab9ad2','a talk with branches',1,'default','http://127.0.0.1:8765','demo-echo','Answer briefly.',0,28,9,1.79606279595662808416e+09,1.79606279874593806268e+09,45);
INSERT INTO "sessions" VALUES('30cbccc621db','a copy of the talk',1,'default','http://127.0.0.1:8765','demo-echo','Answer briefly.',0,34,6,1.79606279595662808416e+09,1.79606279886431288717e+09,46.5);
INSERT INTO "sessions" VALUES('618685a2e970','slowly, and stopped',0,'default','http://127.0.0.1:8765','demo-length','',0,37,3,1.79606279961507606501e+09,1.79606280400753903388e+09,50.5);
INSERT INTO "sessions" VALUES('7f975f753ac5','imported, with tool calls',1,'default','http://127.0.0.1:8765','demo-echo','Answer in one sentence.',0,39,2,1.79606278630203604696e+09,1.7960627865528259277e+09,5.5);
INSERT INTO "sessions" VALUES('25a8325e4fe7','slowly, and killed',0,'default','http://127.0.0.1:8765','demo-slow','',0,40,1,1.79606280738302493101e+09,1.79606280738302493101e+09,52.5);
CREATE TABLE turns (
        id INTEGER PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        parent_id INTEGER,
        prompt TEXT NOT NULL,
        answer TEXT NOT NULL,
        reasoning TEXT NOT NULL,
        status TEXT NOT NULL,
        owner TEXT NOT NULL,
        model TEXT NOT NULL,
        answered_by TEXT NOT NULL,
        request TEXT NOT NULL,
        attachments TEXT NOT NULL,
        tool_calls TEXT NOT NULL,
        finish_reason TEXT,
        error TEXT NOT NULL,
        prompt_tokens INTEGER,
        completion_tokens INTEGER,
        total_tokens INTEGER,
        cached_tokens INTEGER,
        reasoning_tokens INTEGER,
        cost TEXT,
        request_id TEXT NOT NULL,
        first_token_s REAL,
        duration_s REAL,
        created_at REAL NOT NULL
    , cost_kind TEXT NOT NULL DEFAULT '', tried TEXT NOT NULL DEFAULT '[]', profile TEXT NOT NULL DEFAULT '', host TEXT NOT NULL DEFAULT '');
INSERT INTO "turns" VALUES(1,'1c52c1dd497f',NULL,'Hello','Hello! I am the demo gateway of newapi, and I am happy to see you. There is no model behind me, but I can show you around: ask `show me the tour`.
','','complete','19107:93311','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',5,43,48,0,0,'0.000026','20261130181945984532663nvsX1sfJ',0.0720867200000157,1.2235707699994691211e-01,1.79606278594560790067e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(2,'0782cba5d9f3',NULL,'天空为什么是蓝色的？🌌','天空为什么是蓝色的？🌌','','complete','19140:93356','demo-echo','demo-echo','{"temperature": 0.2, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',19,6,25,0,0,'0','20261130181946324237773rriM50wp',3.74308039999959873966e-02,4.21434370000497438013e-02,1.79606278630203604696e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(3,'0782cba5d9f3',2,'and in French? a second line	and a tab','and in French? a second line	and a tab','','complete','19151:93383','demo-echo','demo-echo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',42,11,53,28,0,'0','20261130181946568414000D2rdaT8N',3.60274509999953806982e-02,4.44673749999537903931e-02,1.7960627865528259277e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(4,'891e21732266',NULL,'write some code','Here is a small','','complete','19158:93405','demo','demo','{"temperature": 0.7, "max_tokens": 5, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','length','',7,5,12,0,0,'0.000004','20261130181946784274659jSLPT0kj',2.69815780000044469488e-02,3.12599369999588816426e-02,1.7960627867573969364e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(5,'9ea401c06c21',NULL,'what is this?

notes.md
```
# Notes

- buy milk 🥛
- 缴税
```','what is this?

notes.md
```
# Notes

- buy milk 🥛
- 缴税
```','','complete','19163:93426','demo-echo','demo-echo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[["picture.png", "/home/me/picture.png", "image/png", 69, "567e3611094b537115a14c3a314014e8dfcb2b6e993ede8b2da85be93f200849"]]','[]','stop','',20,17,37,0,0,'0','20261130181947065494046guVSmhDy',8.50675230000206283875e-02,9.95287220000591332791e-02,1.79606278701831603055e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(6,'de7aad79ee08',NULL,'think first','Here is the answer, after some thought: **reasoning comes first and stays apart from the answer**. On a terminal it is dim; in a pipe only these lines arrive.','The question is short, so the answer should be too.
First: what is being asked? Then: what would help most?
An example says more than an explanation.','complete','19176:93460','demo-reasoning','demo-reasoning','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',7,84,91,0,40,'0.000378','202611301819473325559839oXVg9r4',5.98674740000433303066e-02,2.1591730900001948612e-01,1.79606278731535911555e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(7,'8aab6f03774e',NULL,'think inside the text','Here is the answer, after some thought: **reasoning comes first and stays apart from the answer**. On a terminal it is dim; in a pipe only these lines arrive.','The question is short, so the answer should be too.
First: what is being asked? Then: what would help most?
An example says more than an explanation.
','complete','19189:93501','demo-think','demo-think','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',9,88,97,0,0,NULL,'202611301819478247588269YaJpN7Z',3.27214259999664136557e-02,2.03276865999896472203e-01,1796062787.80641,'unknown','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(8,'7ec423b8f021',NULL,'a table, from the second model','A table, with Chinese and an emoji to see whether the columns stay straight:

| Language | Hello | Letters |
|:---|:---:|---:|
| English | Hello | 5 |
| 中文 | 你好 | 2 |
| Ελληνικά | Γειά σου | 8 |
| Emoji | 👋 | 1 |
','','complete','19272:93549','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',12,70,82,0,0,'0.000044','20261130181948377193444TOd7Gp8k',9.18888550000929171801e-02,2.51210205000006681075e-01,1796062788.2715,'about','[["demo-500", "the model''s provider failed (HTTP 500): The server had an error while processing your request"]]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(9,'2cbc63de308e',NULL,'hello, with a price in tiers','Hello! I am the demo gateway of newapi, and I am happy to see you. There is no model behind me, but I can show you around: ask `show me the tour`.
','','complete','19321:93602','demo-tiered','demo-tiered','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',12,43,55,0,0,NULL,'20261130181948904162718kVnOmVZ0',0.0690040559999261,1.42852360999995653401e-01,1.79606278886755895609e+09,'tiered','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(10,'b8820f64dfdc',NULL,'hello, for a cent','Hello! I am the demo gateway of newapi, and I am happy to see you. There is no model behind me, but I can show you around: ask `show me the tour`.
','','complete','19366:93650','demo-per-call','demo-per-call','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',8,43,51,0,0,'0.01','20261130181949380535626Ov8bivEF',7.15787469999895620276e-02,1.87112830000046415079e-01,1.79606278934967398641e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(11,'64ad51a16308',NULL,'an error in the middle','This answer begins like any other. It has a first sentence, a second one, and then, in the middle of a thought that was going to be rather','','error','19499:93710','demo-error-in-stream','demo-error-in-stream','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]',NULL,'the gateway reported an error inside its answer: Rate limit reached for requests',NULL,NULL,NULL,NULL,NULL,NULL,'20261130181950035027693vQxh7jzi',1.08316432999913558887e-01,0.145551026000021,1796062789.95086,'unknown','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(12,'9d3e7aae658d',NULL,'the connection breaks','This answer begins like any other. It has a first sentence, a second one, and then, in the middle of a thought that was going to be rather','','incomplete','19526:93760','demo-cut','demo-cut','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]',NULL,'the answer was cut off after 138 characters: 127.0.0.1:8765 ended the connection early',NULL,NULL,NULL,NULL,NULL,NULL,'202611301819504306990329YR8TUpR',0.041459060999955,1.28957452000008743198e-01,1.79606279040060901638e+09,'unknown','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(13,'614dac816642',NULL,'no finish reason','This answer begins like any other. It has a first sentence, a second one, and then, in the middle of a thought that was going to be rather','','incomplete','19562:93803','demo-no-finish','demo-no-finish','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]',NULL,'the gateway ended the stream without a finish reason; the answer may be cut off (after 138 characters)',8,40,48,0,0,NULL,'20261130181950910941392UGVOGmNM',1.09252921999996033264e-01,2.05986375999941628833e-01,1796062790.88267,'unknown','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(14,'6db12265b9a3',NULL,'a filter','This answer begins like any other. It has a first sentence, a second one, and then, in the middle of a thought that was going to be rather','','error','19590:93857','demo-filter','demo-filter','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','content_filter','the answer was stopped by the server: content_filter',6,40,46,0,0,'0.000024','202611301819514242424583bg2FOZV',7.30509420000089448876e-02,1.54583199000057902594e-01,1.79606279137783503537e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(15,'6db12265b9a3',14,'the last session, continued with another model','the last session, continued with another model','','complete','19626:93901','demo-echo','demo-echo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',64,12,76,49,0,'0','2026113018195192144376845wthN6K',1.44931165999992117576e-01,1.69799839000006613787e-01,1.79606279191241788861e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(16,'93a107322b6e',NULL,'the account is used up','','','error','19639:93956','demo-quota','','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]',NULL,'the account''s quota is used up, or too small for this request (HTTP 403): 用户额度不足, 剩余额度: ＄0.000000',NULL,NULL,NULL,NULL,NULL,NULL,'',NULL,7.62760079999225126812e-02,1.79606279238225388528e+09,'','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(17,'f2262d5bd95b',NULL,'hello from work','Hello! I am the demo gateway of newapi, and I am happy to see you. There is no model behind me, but I can show you around: ask `show me the tour`.
','','complete','19655:93993','demo-vip','demo-vip','{"max_tokens": 200}','[]','[]','stop','',13,43,56,0,0,'0.000014','20261130181952850921652TaZqydLR',8.44418050000967923551e-02,1.89827388000026076042e-01,1.79606279283464097978e+09,'exact','[]','work','http://localhost:8765');
INSERT INTO "turns" VALUES(18,'0ceb6f4d8d27',NULL,'a table, please','A table, with Chinese and an emoji to see whether the columns stay straight:

| Language | Hello | Letters |
|:---|:---:|---:|
| English | Hello | 5 |
| 中文 | 你好 | 2 |
| Ελληνικά | Γειά σου | 8 |
| Emoji | 👋 | 1 |
','','complete','19688:94050','demo','demo','{"max_tokens": 200, "user": "team"}','[]','[]','stop','',14,70,84,0,0,'0.000022','2026113018195347481791702fknnrk',3.43994050000446804915e-02,1.63858853000078852346e-01,1.79606279342759299279e+09,'exact','[]','work','http://localhost:8765');
INSERT INTO "turns" VALUES(19,'0ceb6f4d8d27',18,'how many messages?','You have sent 2 messages in this conversation. The first was:

> a table, please
','','complete','19709:94109','demo','demo','{"max_tokens": 200}','[]','[]','stop','',95,23,118,87,0,'0.00001','20261130181953944139511KpHCkcGt',7.90503740000758625683e-02,1.25619760000063251936e-01,1.7960627939297680854e+09,'exact','[]','work','http://localhost:8765');
INSERT INTO "turns" VALUES(20,'c2ec04ab9ad2',NULL,'hello there','Hello! I am the demo gateway of newapi, and I am happy to see you. There is no model behind me, but I can show you around: ask `show me the tour`.
','','complete','19754:94222','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',14,43,57,0,0,'0.000028','20261130181955981635377X3djfWoU',1.75644531999978426028e-01,1.89435737000053450174e-01,1.79606279595662808416e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(21,'c2ec04ab9ad2',20,'show me a table','A table, with Chinese and an emoji to see whether the columns stay straight:

| Language | Hello | Letters |
|:---|:---:|---:|
| English | Hello | 5 |
| 中文 | 你好 | 2 |
| Ελληνικά | Γειά σου | 8 |
| Emoji | 👋 | 1 |
','','complete','19754:94222','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',68,70,138,60,0,'0.000048','20261130181956238876501JUMk0v6D',1.14779020000241871457e-02,2.59885617999998430605e-01,1.79606279621752810485e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(22,'c2ec04ab9ad2',20,'show me a table','A table, with Chinese and an emoji to see whether the columns stay straight:

| Language | Hello | Letters |
|:---|:---:|---:|
| English | Hello | 5 |
| 中文 | 你好 | 2 |
| Ελληνικά | Γειά σου | 8 |
| Emoji | 👋 | 1 |
','','complete','19754:94222','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',68,70,138,60,0,'0.000048','20261130181956556350517rQXnlGKh',1.37445259999822155805e-02,3.22443448999933934828e-01,1.79606279652683711051e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(23,'c2ec04ab9ad2',20,'show me a table','Here is the answer, after some thought: **reasoning comes first and stays apart from the answer**. On a terminal it is dim; in a pipe only these lines arrive.','The question is short, so the answer should be too.
First: what is being asked? Then: what would help most?
An example says more than an explanation.','complete','19754:94222','demo-reasoning','demo-reasoning','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',68,84,152,60,40,'0.000412','20261130181956981276211GzlOG245',0.00458953100007875,4.04548085999977047322e-01,1.79606279696888208388e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(24,'c2ec04ab9ad2',23,'some code, please','Here is a small Python program that counts words:

```python
from collections import Counter

text = "the cat and the hat"
for word, count in Counter(text.split()).most_common(2):
    print(f"{word}: {count}")
```

It prints `the: 2` and `cat: 1`. With `newapi chat -x` only the code would have come out.
','','complete','19754:94222','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',123,80,203,115,0,'0.000058','20261130181957523030069xQdH20Fe',6.03779000005033594788e-03,3.13876887999981590837e-01,1.79606279749922204016e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(25,'c2ec04ab9ad2',23,'how many messages?','You have sent 3 messages in this conversation. The first was:

> hello there
','','complete','19754:94222','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',123,22,145,115,0,'0.000024','20261130181958080301704f9mXkGiC',7.3502669999925274169e-03,1.04747747000033086806e-01,1.79606279804524493221e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(26,'c2ec04ab9ad2',23,'how many messages, edited in the editor?','You have sent 3 messages in this conversation. The first was:

> hello there
','','complete','19754:94222','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',129,22,151,115,0,'0.000024','20261130181958305722951acPZSpvS',4.62053700005071732448e-03,6.97405790000402703299e-02,1.79606279823917198176e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(27,'c2ec04ab9ad2',26,'你好 👋
on a second line','你好！我是 newapi 的演示网关，很高兴见到你。我背后没有真正的模型，但可以带你四处看看：请输入 `show me the tour`。
','','complete','19754:94222','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',164,31,195,154,0,'0.000032','202611301819584529161637NjjTCBS',1.12633630000118500902e-02,1.25176010000018322898e-01,1.79606279843442201609e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(28,'c2ec04ab9ad2',27,'what is in the picture?','what is in the picture?','','complete','19754:94222','demo-echo','demo-echo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[["picture.png", "/home/me/picture.png", "image/png", 69, "567e3611094b537115a14c3a314014e8dfcb2b6e993ede8b2da85be93f200849"]]','[]','stop','',207,6,213,198,0,'0','20261130181958772131502ZCMUhN7x',1.11493150000114837894e-02,1.20751489999975092359e-02,1.79606279874593806268e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(29,'30cbccc621db',NULL,'hello there','Hello! I am the demo gateway of newapi, and I am happy to see you. There is no model behind me, but I can show you around: ask `show me the tour`.
','','complete','','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',14,43,57,0,0,'0.000028','20261130181955981635377X3djfWoU',1.75644531999978426028e-01,1.89435737000053450174e-01,1.79606279595662808416e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(30,'30cbccc621db',29,'show me a table','Here is the answer, after some thought: **reasoning comes first and stays apart from the answer**. On a terminal it is dim; in a pipe only these lines arrive.','The question is short, so the answer should be too.
First: what is being asked? Then: what would help most?
An example says more than an explanation.','complete','','demo-reasoning','demo-reasoning','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',68,84,152,60,40,'0.000412','20261130181956981276211GzlOG245',0.00458953100007875,4.04548085999977047322e-01,1.79606279696888208388e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(31,'30cbccc621db',30,'how many messages, edited in the editor?','You have sent 3 messages in this conversation. The first was:

> hello there
','','complete','','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',129,22,151,115,0,'0.000024','20261130181958305722951acPZSpvS',4.62053700005071732448e-03,6.97405790000402703299e-02,1.79606279823917198176e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(32,'30cbccc621db',31,'你好 👋
on a second line','你好！我是 newapi 的演示网关，很高兴见到你。我背后没有真正的模型，但可以带你四处看看：请输入 `show me the tour`。
','','complete','','demo','demo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',164,31,195,154,0,'0.000032','202611301819584529161637NjjTCBS',1.12633630000118500902e-02,1.25176010000018322898e-01,1.79606279843442201609e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(33,'30cbccc621db',32,'what is in the picture?','what is in the picture?','','complete','','demo-echo','demo-echo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[["picture.png", "/home/me/picture.png", "image/png", 69, "567e3611094b537115a14c3a314014e8dfcb2b6e993ede8b2da85be93f200849"]]','[]','stop','',207,6,213,198,0,'0','20261130181958772131502ZCMUhN7x',1.11493150000114837894e-02,1.20751489999975092359e-02,1.79606279874593806268e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(34,'30cbccc621db',33,'only in the copy','only in the copy','','complete','19754:94222','demo-echo','demo-echo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',223,4,227,216,0,'0','20261130181958895057394VDjLIym8',3.34372199995414121076e-03,4.47575199996208539232e-03,1.79606279886431288717e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(35,'618685a2e970',NULL,'slowly, and stopped','Good things come','','interrupted','19913:94641','demo-slow','demo-slow','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]',NULL,'',NULL,NULL,NULL,NULL,NULL,NULL,'20261130181959684295388pRne8skm',3.54795091100004356121e+00,4.09948449099999834288e+00,1.79606279961507606501e+09,'unknown','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(36,'618685a2e970',35,'up to the token limit','This answer begins like any other. It has a first sentence, a second one, and then, in the middle of a thought that was going to be rather','','complete','19913:94641','demo-length','demo-length','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','length','',25,40,65,15,0,'0.000026','20261130182003864854042n7JD2LBi',5.76085300008344347588e-03,9.4837876000042342639e-02,1.79606280384626698491e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(37,'618685a2e970',36,'Go on exactly where your last message stopped, without repeating any of it.','This answer begins like any other. It has a first sentence, a second one, and then, in the middle of a thought that was going to be rather','','complete','19913:94641','demo-length','demo-length','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','length','',91,40,131,68,0,'0.000032','20261130182004024815512XwcerV5Y',7.96733799995763547485e-03,9.6416097999963312759e-02,1.79606280400753903388e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(38,'7f975f753ac5',NULL,'天空为什么是蓝色的？🌌','天空为什么是蓝色的？🌌','','complete','','demo-echo','demo-echo','{"temperature": 0.2, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]','stop','',19,6,25,0,0,'0','20261130181946324237773rriM50wp',3.74308039999959873966e-02,4.21434370000497438013e-02,1.79606278630203604696e+09,'about','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(39,'7f975f753ac5',38,'and in French? a second line	and a tab','','','complete','','demo-echo','demo-echo','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[["call_1", "weather", "{\"city\": \"Z\u00fcrich\"}"]]','tool_calls','',NULL,NULL,NULL,NULL,NULL,NULL,'20261130181946568414000D2rdaT8N',3.60274509999953806982e-02,4.44673749999537903931e-02,1.7960627865528259277e+09,'','[]','default','http://127.0.0.1:8765');
INSERT INTO "turns" VALUES(40,'25a8325e4fe7',NULL,'slowly, and killed','Good thin','','open','20375:95460','demo-slow','','{"temperature": 0.7, "stop": ["END", "\u5b8c"], "user": "me", "metadata": {"team": "a \"b\"", "n": 1.5}}','[]','[]',NULL,'',NULL,NULL,NULL,NULL,NULL,NULL,'',NULL,NULL,1.79606280738302493101e+09,'','[]','default','http://127.0.0.1:8765');
CREATE INDEX sessions_by_use ON sessions (use_number);
CREATE UNIQUE INDEX names_of_sessions ON sessions (title) WHERE is_named;
CREATE INDEX turns_of_session ON turns (session_id);
CREATE INDEX open_turns ON turns (status) WHERE status = 'open';
COMMIT;
